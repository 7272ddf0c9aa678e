/** What needs somebody now, and what one did last. Every number leads to what is behind it. */

import { h, icon } from '../../js/ui/dom.js';
import { open } from '../book.js';
import { address } from '../place.js';
import { includes, look, self } from '../self.js';
import { moment, Sheet, sign } from '../sheet.js';
import { shown } from './audit.js';

/** @import { ActionList, AdminList, AuditProof, JobList, JobLine } from '../../js/wire.d.ts' */
/** @import { Page } from '../place.js' */

const say = open({
  en: {
    title: 'Overview',
    again: 'Look again',
    needs: 'What needs somebody',
    calm: 'Nothing that this page knows of needs somebody.',
    job_bad: 'The job {name} did not end well the last time.',
    no_factor: { one: '{count} super admin has no second factor.', other: '{count} super admins have no second factor.' },
    own_factor: 'You have no second factor. Set one up.',
    sockets: 'Open connections',
    people: { one: 'of {count} person', other: 'of {count} people' },
    jobs: 'Jobs',
    jobs_running: { one: '{count} runs now', other: '{count} run now' },
    admins: 'Admins',
    chain: 'Audit log',
    chain_rows: { one: 'row', other: 'rows' },
    latest: 'Latest in the audit log',
    latest_none: 'The log is still empty for you.',
    whole: 'Show the whole log',
  },
  nl: {
    title: 'Overzicht',
    again: 'Kijk opnieuw',
    needs: 'Wat iemand nodig heeft',
    calm: 'Niets waar deze pagina van weet heeft iemand nodig.',
    job_bad: 'De taak {name} liep de laatste keer niet goed af.',
    no_factor: { one: '{count} superbeheerder heeft geen tweede factor.', other: '{count} superbeheerders hebben geen tweede factor.' },
    own_factor: 'Je hebt geen tweede factor. Stel er een in.',
    sockets: 'Open verbindingen',
    people: { one: 'van {count} persoon', other: 'van {count} mensen' },
    jobs: 'Taken',
    jobs_running: { one: '{count} is nu bezig', other: '{count} zijn nu bezig' },
    admins: 'Beheerders',
    chain: 'Auditlogboek',
    chain_rows: { one: 'regel', other: 'regels' },
    latest: 'Het laatste in het auditlogboek',
    latest_none: 'Het logboek is voor jou nog leeg.',
    whole: 'Toon het hele logboek',
  },
});

/** @typedef {{ jobs: JobList | null, proof: AuditProof | null, sockets: { sockets: number, people: number } | null, admins: AdminList | null, actions: ActionList | null }} Facts */

/** Whether the newest run of a job that has ended did not end well. @param {JobLine} job */
export function isBad(job) {
  const ended = job.runs.find((run) => run.outcome !== 'running');
  return ended !== undefined && ended.outcome !== 'ok';
}

/** @extends {Sheet<Facts>} */
class Overview extends Sheet {
  heading() {
    return say('title');
  }

  /** Only what the role includes is asked for. @returns {Promise<Facts>} */
  async fetch() {
    const system = includes('view_system');
    const [jobs, proof, sockets, admins, actions] = await Promise.all([
      system ? look('/api/admin/jobs') : null,
      system ? look('/api/admin/audit-log/proof') : null,
      system ? look('/api/admin/realtime') : null,
      includes('view_admins') ? look('/api/admin/admins') : null,
      includes('read_audit') ? look('/api/admin/audit-log?limit=8') : null,
    ]);
    return { jobs, proof, sockets, admins, actions };
  }

  tools() {
    return [h('button', { type: 'button', class: 'button', id: 'look-again', 'data-testid': 'look-again', onclick: () => void this.load() }, icon('again'), say('again'))];
  }

  /** @param {Facts} facts */
  view({ jobs, proof, sockets, admins, actions }) {
    const bare = admins?.admins.filter((one) => one.role === 'super_admin' && !one.second_factor).length ?? 0;
    const needs = [
      proof !== null && !proof.sound ? h('li', null, shown(proof)) : null,
      ...(jobs?.jobs.filter(isBad) ?? []).map((job) => h('li', null, h('a', { href: address('jobs') }, say('job_bad', { name: job.name })))),
      bare > 0 ? h('li', null, h('a', { href: address('admins') }, say('no_factor', { count: bare }))) : null,
      self.value?.second_factor === false ? h('li', null, h('a', { href: address('account') }, say('own_factor'))) : null,
    ].filter((one) => one !== null);
    const tile = (/** @type {string} */ href, /** @type {string} */ name, /** @type {number} */ number, /** @type {string | null} */ words) => h('li', null, h('a', { href, class: 'tile' }, h('span', { class: 'muted small' }, name), h('span', { class: 'number' }, new Intl.NumberFormat(document.documentElement.lang).format(number)), words ? h('span', { class: 'muted small' }, words) : null));
    const tiles = [
      jobs ? tile(address('jobs'), say('jobs'), jobs.jobs.length, say('jobs_running', { count: jobs.jobs.filter((job) => job.running).length })) : null,
      sockets ? tile(address('connections'), say('sockets'), sockets.sockets, say('people', { count: sockets.people })) : null,
      admins ? tile(address('admins'), say('admins'), admins.admins.length, null) : null,
      proof ? tile(address('audit'), say('chain'), proof.rows, say('chain_rows', { count: proof.rows })) : null,
    ].filter((one) => one !== null);
    return [
      tiles.length > 0 ? h('ul', { class: 'tiles' }, ...tiles) : null,
      h('section', { class: 'card', 'aria-labelledby': 'needs-title' }, h('h2', { id: 'needs-title' }, say('needs')), needs.length > 0 ? h('ul', { class: 'lines', 'data-testid': 'needs' }, ...needs) : h('p', { class: 'muted', 'data-testid': 'calm' }, say('calm'))),
      actions
        ? h(
            'section',
            { class: 'card', 'aria-labelledby': 'latest-title' },
            h('h2', { id: 'latest-title' }, say('latest')),
            actions.actions.length > 0
              ? h('ul', { class: 'lines', 'data-testid': 'latest' }, ...actions.actions.map((row) => h('li', { class: 'line' }, h('span', null, moment(row.created_at)), h('code', null, row.action), h('span', { class: 'muted' }, row.entity_type), row.outcome === 'ok' ? null : sign('caution', row.outcome))))
              : h('p', { class: 'muted' }, say('latest_none')),
            h('p', null, h('a', { href: address('audit'), class: 'button' }, say('whole'))),
          )
        : null,
    ];
  }
}

customElements.define('console-overview', Overview);

/** @type {Page} */
export const page = { name: '', order: 0, needs: 'dashboard', icon: 'mark', title: () => say('title'), element: 'console-overview' };
