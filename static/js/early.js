/** Before the first paint: the theme and language chosen on this device. Runs as a classic script, without the rest. */
(() => {
  const root = document.documentElement;
  try {
    const theme = localStorage.getItem('domu:theme');
    if (theme === 'light' || theme === 'dark') root.dataset.theme = theme;
    const chosen = localStorage.getItem('domu:locale') ?? navigator.language;
    root.lang = chosen.toLowerCase().startsWith('nl') ? 'nl' : 'en';
  } catch {
    // Without storage the device decides.
  }
})();
