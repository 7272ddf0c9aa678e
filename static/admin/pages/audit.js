/** The audit log: filters and pages in the address, the proof of the chain, and export. */

import { Problem } from '../../js/core/http.js';
import { signal } from '../../js/core/signals.js';
import { announce } from '../../js/ui/context.js';
import { h, icon } from '../../js/ui/dom.js';
import { open } from '../book.js';
import { trouble } from '../dialogs.js';
import { address, place } from '../place.js';
import { includes, look, proven, self } from '../self.js';
import { exactly, filters, pager, Sheet, sign, table } from '../sheet.js';

/** @import { ActionLine, ActionList, AuditProof } from '../../js/wire.d.ts' */
/** @import { Page } from '../place.js' */

const say = open({
  en: {
    title: 'Audit log',
    mine: 'Your role sees what you did yourself.',
    own: 'Your role sees what concerns your university.',
    caption: 'What admins did, the newest first',
    none: 'Nothing in the log fits this.',
    when: 'When',
    who: 'Who',
    what: 'What',
    whom: 'On what',
    why: 'Why',
    outcome: 'Outcome',
    ok: 'done',
    denied: 'refused',
    error: 'went wrong',
    operator: 'Operator on the host',
    system: 'The system',
    more: 'Details',
    by_who: 'Only by this admin',
    action: 'Action',
    entity_type: 'Sort of thing',
    entity_id: 'Id of the thing',
    admin: 'Id of the admin',
    from: 'From',
    to: 'Before',
    prove: 'Check the chain',
    proving: 'Checking',
    sound: 'The log is whole: {rows} rows, up to number {head}, every one as it was written.',
    unsound: { one: 'The log is not sound: {count} finding.', other: 'The log is not sound: {count} findings.' },
    finding: 'Numbers {from} to {to}:',
    csv: 'Export as CSV',
    json: 'Export as JSON',
    exported: 'The export was saved. The log says that you made it.',
    number: 'Number',
    role: 'Role then',
    via: 'Shown by',
    request: 'Request',
    from_where: 'From',
    case: 'Case',
    hash: 'Hash',
    metadata: 'Further',
    before: 'Before',
    after: 'After',
  },
  nl: {
    title: 'Auditlogboek',
    mine: 'Je rol ziet wat je zelf hebt gedaan.',
    own: 'Je rol ziet wat over je universiteit gaat.',
    caption: 'Wat beheerders deden, het nieuwste eerst',
    none: 'Niets in het logboek past hierbij.',
    when: 'Wanneer',
    who: 'Wie',
    what: 'Wat',
    whom: 'Waarop',
    why: 'Waarom',
    outcome: 'Uitkomst',
    ok: 'gedaan',
    denied: 'geweigerd',
    error: 'ging mis',
    operator: 'Beheerder op de machine',
    system: 'Het systeem',
    more: 'Details',
    by_who: 'Alleen van deze beheerder',
    action: 'Handeling',
    entity_type: 'Soort ding',
    entity_id: 'Id van het ding',
    admin: 'Id van de beheerder',
    from: 'Vanaf',
    to: 'Tot',
    prove: 'Controleer de keten',
    proving: 'Bezig met controleren',
    sound: 'Het logboek is heel: {rows} regels, tot en met nummer {head}, elk zoals het is geschreven.',
    unsound: { one: 'Het logboek klopt niet: {count} bevinding.', other: 'Het logboek klopt niet: {count} bevindingen.' },
    finding: 'Nummers {from} tot en met {to}:',
    csv: 'Exporteer als CSV',
    json: 'Exporteer als JSON',
    exported: 'De export is opgeslagen. In het logboek staat dat je hem hebt gemaakt.',
    number: 'Nummer',
    role: 'Rol toen',
    via: 'Getoond met',
    request: 'Verzoek',
    from_where: 'Vanaf adres',
    case: 'Zaak',
    hash: 'Hash',
    metadata: 'Verder',
    before: 'Ervoor',
    after: 'Erna',
  },
});

/** What the server is asked for, by the address. */
const NAMES = /** @type {const} */ (['action', 'entity_type', 'entity_id', 'admin_user_id', 'from', 'to', 'before']);

/**
 * The question to the server that an address stands for: only what it knows, and moments with their zone.
 * @param {URLSearchParams} asked
 */
export function question(asked) {
  const sent = new URLSearchParams();
  for (const name of NAMES) {
    const value = asked.get(name)?.trim();
    if (!value) continue;
    const moment = name === 'from' || name === 'to' ? new Date(value) : null;
    if (moment === null) sent.set(name, value);
    else if (!Number.isNaN(moment.getTime())) sent.set(name, moment.toISOString());
  }
  return sent;
}

/** @extends {Sheet<ActionList>} */
class Audit extends Sheet {
  proof = signal(/** @type {AuditProof | 'asking' | null} */ (null));
  problem = signal(/** @type {unknown} */ (null));

  heading() {
    return say('title');
  }

  fetch() {
    const asked = question(place.value.query);
    asked.set('limit', '50');
    return look(`/api/admin/audit-log?${asked}`);
  }

  tools() {
    const tool = (/** @type {string} */ id, /** @type {import('../../js/ui/dom.js').Child} */ words, /** @type {() => void} */ work) => h('button', { type: 'button', class: 'button', id, 'data-testid': id, onclick: work }, words);
    return [
      includes('view_system') ? tool('prove', this.proof.value === 'asking' ? say('proving') : [icon('check'), say('prove')], () => void this.prove()) : null,
      includes('export_audit') ? tool('export-csv', say('csv'), () => void this.export('csv')) : null,
      includes('export_audit') ? tool('export-json', say('json'), () => void this.export('json')) : null,
    ];
  }

  above() {
    const role = self.value?.role;
    const proof = this.proof.value;
    return [
      role === 'moderator' ? h('p', { class: 'muted' }, say('mine')) : role === 'university_admin' ? h('p', { class: 'muted' }, say('own')) : null,
      proof === null || proof === 'asking' ? null : shown(proof),
      this.problem.value ? trouble(this.problem.value) : null,
      filters({
        name: 'audit',
        testid: 'filters',
        fields: [
          { name: 'action', label: say('action') },
          { name: 'entity_type', label: say('entity_type') },
          { name: 'entity_id', label: say('entity_id') },
          { name: 'admin_user_id', label: say('admin') },
          { name: 'from', label: say('from'), type: 'datetime-local' },
          { name: 'to', label: say('to'), type: 'datetime-local' },
        ],
      }),
    ];
  }

  /** @param {ActionList} list */
  view(list) {
    return [
      table({
        caption: say('caption'),
        testid: 'actions',
        rows: list.actions,
        keyOf: (row) => String(row.seq),
        empty: say('none'),
        columns: [
          { title: say('when'), cell: (row) => exactly(row.created_at) },
          { title: say('who'), cell: who },
          { title: say('what'), cell: (row) => h('a', { href: address('audit', { action: row.action }) }, h('code', { 'data-testid': 'action' }, row.action)) },
          { title: say('whom'), cell: (row) => [row.entity_type, row.entity_id ? h('p', { class: 'small muted' }, row.entity_id) : null] },
          { title: say('why'), cell: (row) => h('span', { dir: 'auto' }, row.reason ?? ''), wide: true },
          { title: say('outcome'), cell: (row) => (row.outcome === 'ok' ? sign('good', say('ok')) : row.outcome === 'denied' ? sign('caution', say('denied')) : sign('bad', say('error'))) },
        ],
        actions: details,
      }),
      pager('before', list.next),
    ];
  }

  async prove() {
    if (this.proof.peek() === 'asking') return;
    this.problem.value = null;
    this.proof.value = 'asking';
    try {
      const proof = await look('/api/admin/audit-log/proof');
      this.proof.value = proof;
    } catch (error) {
      this.proof.value = null;
      this.problem.value = error;
    }
  }

  /** @param {'csv' | 'json'} format */
  async export(format) {
    this.problem.value = null;
    const asked = question(place.peek().query);
    asked.set('format', format);
    try {
      await proven(() => save(`/api/admin/audit-log/export?${asked}`, `audit-log.${format}`));
      this.done.value = say('exported');
      announce(say('exported'));
      await this.load();
    } catch (error) {
      this.problem.value = error;
    }
  }
}

/** @param {ActionLine} row */
function who(row) {
  if (!row.admin_user_id) return say(row.auth_method === 'cli' ? 'operator' : 'system');
  return [h('a', { href: address('audit', { admin_user_id: row.admin_user_id }), title: say('by_who') }, h('span', { class: 'small' }, row.admin_user_id)), row.actor_role ? h('p', { class: 'small muted' }, row.actor_role) : null];
}

/** @param {ActionLine} row */
function details(row) {
  /** @type {[string, unknown][]} */
  const facts = [
    [say('number'), row.seq],
    [say('role'), row.actor_role],
    [say('via'), row.auth_method],
    [say('request'), row.request_id],
    [say('from_where'), row.ip_truncated],
    [say('case'), row.case_type ? `${row.case_type} ${row.case_id ?? ''}` : null],
    [say('metadata'), row.metadata],
    [say('before'), row.before],
    [say('after'), row.after],
    [say('hash'), row.hash],
  ];
  const told = (/** @type {unknown} */ value) => (typeof value === 'object' ? JSON.stringify(value, null, 1) : String(value));
  const said = facts.filter(([, value]) => value !== null && value !== undefined && !(typeof value === 'object' && Object.keys(value).length === 0));
  return h('details', { class: 'more', id: `row-${row.seq}` }, h('summary', null, say('more')), h('dl', { class: 'facts' }, ...said.map(([name, value]) => h('div', { class: 'fact' }, h('dt', null, name), h('dd', null, told(value))))));
}

/** @param {AuditProof} proof */
export const shown = (proof) =>
  proof.sound
    ? h('p', { class: 'notice good', role: 'status', 'data-testid': 'proof', 'data-sound': 'yes' }, icon('check'), h('span', null, say('sound', { rows: proof.rows, head: proof.head })))
    : h('div', { class: 'problem', role: 'alert', 'data-testid': 'proof', 'data-sound': 'no' }, icon('alert'), h('div', null, h('p', null, say('unsound', { count: proof.findings.length })), h('ul', null, ...proof.findings.map((one) => h('li', null, `${say('finding', { from: one.from, to: one.to })} `, h('span', { lang: 'en' }, one.what))))));

/** Saves what the server answers as a file: through a request of ours, so that a refusal is heard. @param {string} path @param {string} name */
async function save(path, name) {
  const response = await fetch(path, { credentials: 'same-origin', cache: 'no-store' }).catch(() => {
    throw new Problem({ name: 'offline', status: 0, code: 0 });
  });
  if (!response.ok) throw new Problem({ name: 'internal', status: response.status, ...(await response.json().catch(() => ({}))) });
  const url = URL.createObjectURL(await response.blob());
  const link = h('a', { href: url, download: name, hidden: true });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

customElements.define('console-audit', Audit);

/** @type {Page} */
export const page = { name: 'audit', order: 80, needs: 'read_audit', icon: 'copy', title: () => say('title'), element: 'console-audit' };
