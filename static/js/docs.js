/** The explorer of the documentation: routes and frames with their schemas, and a way to try a route from this origin. */

import { Http } from './core/http.js';
import { h } from './ui/dom.js';

const METHODS = ['get', 'put', 'post', 'patch', 'delete'];
/** How deep references are followed; schemas of ours are shallower. */
const DEPTH_MAX = 8;

const http = new Http((path, init) => fetch(path, init));

/** What a reference leads to, or the thing itself. @param {any} root @param {any} thing @returns {any} */
const led = (root, thing) =>
  typeof thing.$ref === 'string' ? thing.$ref.slice(2).split('/').reduce((/** @type {any} */ at, /** @type {string} */ name) => at?.[name.replaceAll('~1', '/').replaceAll('~0', '~')], root) : thing;

/** @param {any} root @param {any} schema @param {number} [depth] @returns {any} the schema with its references put in */
function whole(root, schema, depth = 0) {
  if (Array.isArray(schema)) return schema.map((one) => whole(root, one, depth));
  if (schema === null || typeof schema !== 'object') return schema;
  if (typeof schema.$ref === 'string' && depth < DEPTH_MAX) return whole(root, led(root, schema), depth + 1);
  return Object.fromEntries(Object.entries(schema).map(([name, value]) => [name, whole(root, value, depth)]));
}

/** @param {any} schema a schema without references @returns {any} something of its form */
function sample(schema) {
  if (schema === undefined || schema === null) return null;
  if ('const' in schema) return schema.const;
  if (schema.enum) return schema.enum[0];
  const choice = schema.oneOf ?? schema.anyOf;
  if (choice) return sample(choice.find((/** @type {any} */ one) => one.type !== 'null'));
  const kind = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  if (kind === 'object') return Object.fromEntries(Object.entries(schema.properties ?? {}).map(([name, value]) => [name, sample(value)]));
  if (kind === 'array') return [];
  if (kind === 'integer') return schema.minimum ?? 0;
  if (kind === 'boolean') return false;
  if (kind === 'string') return schema.format === 'uuid' ? '00000000-0000-7000-8000-000000000000' : '';
  return null;
}

/** @param {any} value */
const shown = (value) => h('pre', { tabindex: '0' }, JSON.stringify(value, null, 2));

/** @param {any} root @param {string} path @param {string} method @param {any} operation */
function route(root, path, method, operation) {
  const body = operation.requestBody?.content?.['application/json']?.schema;
  const answers = Object.entries(operation.responses).map(([status, given]) => {
    const answer = led(root, given);
    const schema = answer.content?.['application/json']?.schema;
    return h('div', null, h('p', null, h('strong', null, status), ` ${answer.description}`), schema ? shown(whole(root, schema)) : null);
  });
  const parameters = (operation.parameters ?? []).map((/** @type {any} */ one) => h('li', null, h('code', null, one.name), ` (${one.in}${one.required ? ', required' : ''}) ${one.description ?? ''}`));
  return h(
    'details',
    { id: operation.operationId },
    h('summary', null, h('span', { class: 'method' }, method.toUpperCase()), h('code', null, path), h('span', { class: 'hint' }, operation.summary)),
    parameters.length > 0 ? h('ul', null, ...parameters) : null,
    body ? h('div', null, h('h3', null, 'Body'), shown(whole(root, body))) : null,
    h('h3', null, 'Answers'),
    ...answers,
    path.startsWith('/api/') ? trial(path, method, body ? sample(whole(root, body)) : undefined) : null,
  );
}

/** @param {string} path @param {string} method @param {any} body */
function trial(path, method, body) {
  const address = /** @type {HTMLInputElement} */ (h('input', { type: 'text', value: path, 'aria-label': 'Address' }));
  const text = body === undefined ? null : /** @type {HTMLTextAreaElement} */ (h('textarea', { 'aria-label': 'Body', spellcheck: 'false' }));
  if (text) text.value = JSON.stringify(body, null, 2);
  const out = h('pre', { 'aria-live': 'polite', tabindex: '0' });
  const send = async () => {
    out.textContent = '…';
    try {
      const init = { method: /** @type {'POST' | 'PUT' | 'PATCH' | 'DELETE'} */ (method.toUpperCase()), body: text ? JSON.parse(text.value) : undefined };
      const answer = method === 'get' ? await http.get(address.value) : await http.fetchWithCSRF(address.value, init);
      out.textContent = JSON.stringify(answer ?? null, null, 2);
    } catch (/** @type {any} */ error) {
      out.textContent = JSON.stringify({ status: error.status, name: error.name, detail: error.detail ?? String(error), fields: error.fields }, null, 2);
    }
  };
  return h('div', null, h('h3', null, 'Try it'), address, text, h('button', { type: 'button', class: 'button primary', onclick: send }, 'Send'), out);
}

/** @param {any} root @param {string} name @param {any} message */
const frame = (root, name, message) =>
  h('details', null, h('summary', null, h('code', null, name), h('span', { class: 'hint' }, message.summary)), shown(whole(root, message.payload)));

async function begin() {
  const [open, socket] = await Promise.all([http.get('/api/openapi.json'), http.get('/api/asyncapi.json')]);
  const routes = Object.entries(open.paths).flatMap(([path, /** @type {any} */ entry]) => METHODS.filter((method) => method in entry).map((method) => route(open, path, method, entry[method])));
  const { messages, 'x-closes': closes } = socket.channels.socket;
  document.getElementById('main')?.replaceChildren(
    h('h1', null, 'Domu'),
    h('p', null, open.info.description),
    h('h2', null, 'HTTP'),
    ...routes,
    h('h2', null, 'Socket'),
    h('p', null, socket.channels.socket.description),
    ...Object.entries(messages).map(([name, message]) => frame(socket, name, message)),
    h('h2', null, 'Closes'),
    h('ul', null, ...closes.map((/** @type {any} */ one) => h('li', null, h('code', null, `${one.code} ${one.reason}`), ` ${one.about}`))),
  );
}

begin().catch((error) => document.getElementById('main')?.replaceChildren(h('p', { role: 'alert' }, `The documents could not be read: ${error.name}`)));
