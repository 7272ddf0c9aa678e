/** The pages of the console, one line each: a file in `pages/` exports what its page is. Their order in the navigation is `order`. */

export { page as overview } from './pages/overview.js';
export { page as users } from './pages/users.js';
export { page as jobs } from './pages/jobs.js';
export { page as connections } from './pages/connections.js';
export { page as audit } from './pages/audit.js';
export { page as admins } from './pages/admins.js';
export { page as tokens } from './pages/tokens.js';
export { page as account } from './pages/account.js';
