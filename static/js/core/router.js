/** Addresses of the screens. */

/**
 * @typedef {{ screen: 'sign-in' | 'sign-up' | 'confirm' | 'forgot-password' | 'reset-password' | 'confirm-email' | 'unsubscribe' | 'notifications' | 'chats' | 'chat' | 'me' | 'me-profile' | 'me-settings' | 'me-security' | 'me-blocked' | 'not-found', chat?: string }} Route
 */

const CHAT = /^\/chats\/([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})$/i;

/** @param {string} path @returns {Route} */
export function match(path) {
  const clean = path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
  switch (clean) {
    case '/':
    case '/chats':
      return { screen: 'chats' };
    case '/sign-in':
      return { screen: 'sign-in' };
    case '/sign-up':
      return { screen: 'sign-up' };
    case '/confirm':
      return { screen: 'confirm' };
    case '/forgot-password':
      return { screen: 'forgot-password' };
    case '/reset-password':
      return { screen: 'reset-password' };
    case '/confirm-email':
      return { screen: 'confirm-email' };
    case '/notifications':
      return { screen: 'notifications' };
    case '/unsubscribe':
      return { screen: 'unsubscribe' };
    case '/me':
      return { screen: 'me' };
    case '/me/profile':
      return { screen: 'me-profile' };
    case '/me/settings':
      return { screen: 'me-settings' };
    case '/me/security':
      return { screen: 'me-security' };
    case '/me/blocked':
      return { screen: 'me-blocked' };
  }
  const chat = CHAT.exec(clean)?.[1];
  return chat ? { screen: 'chat', chat: chat.toLowerCase() } : { screen: 'not-found' };
}

/** Screens that need a signed-in person. @param {Route} route */
export const isPrivate = (route) => /^(chats?|notifications|me(-.*)?|confirm-email)$/.test(route.screen);

/** Where to go after signing in: only a path of this site that needs a signed-in person. @param {string | null} wanted */
export function safeNext(wanted) {
  if (wanted === null || !wanted.startsWith('/') || wanted.startsWith('//') || wanted.includes('\\')) return '/chats';
  return isPrivate(match(wanted)) ? wanted : '/chats';
}
