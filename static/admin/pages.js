/**
 * The pages of the console, one line each.
 *
 * A page is a file in `pages/` that exports a `page` (see `Page` in `place.js`), defines its custom elements, most often as a
 * `Sheet`, and opens a book with its own sentences in both languages. It sees with `look`, does with `act`, and asks why with
 * `reasoned`. Besides its line here it has a modulepreload line in `index.html`, which `tests/js/console.test.js` asks for.
 */

export { page as overview } from './pages/overview.js';
export { page as users } from './pages/users.js';
export { page as jobs } from './pages/jobs.js';
export { page as connections } from './pages/connections.js';
export { page as audit } from './pages/audit.js';
export { page as admins } from './pages/admins.js';
export { page as tokens } from './pages/tokens.js';
export { page as account } from './pages/account.js';
