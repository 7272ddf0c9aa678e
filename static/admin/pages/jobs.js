/** Jobs: what each does, when it is due, how it went, and running one now. */

import { announce, me } from '../../js/ui/context.js';
import { h, icon } from '../../js/ui/dom.js';
import { open } from '../book.js';
import { reasoned } from '../dialogs.js';
import { act, includes, look } from '../self.js';
import { exactly, moment, Sheet, sign, table } from '../sheet.js';

/** @import { JobLine, JobList, RunLine } from '../../js/wire.d.ts' */
/** @import { Page } from '../place.js' */

/** Pause between two looks while a job runs. Milliseconds. */
const LOOK_MS = 2_000;

const say = open({
  en: {
    title: 'Jobs',
    again: 'Look again',
    zone: 'Times of schedules are in {zone}.',
    caption: 'Jobs',
    job: 'Job',
    due: 'Next due',
    last: 'Last run',
    runs: 'Newest runs',
    act: 'Run now',
    running: 'Running',
    on_request: 'When asked for',
    never: 'Not yet',
    none: 'There are no jobs.',
    no_runs: 'It has not run yet.',
    ask: 'Run {name} now',
    ask_text: 'It runs once, beside its schedule. It is stopped after {seconds} seconds.',
    begun: '{name} has begun.',
    ok: 'done',
    failed: 'failed',
    timed_out: 'stopped: took too long',
    interrupted: 'interrupted',
    took: '{ms} ms',
    by_schedule: 'by its schedule',
    by_cron: 'by the scheduler outside',
    by_admin: 'by an admin',
    in_log: 'See it in the audit log',
  },
  nl: {
    title: 'Taken',
    again: 'Kijk opnieuw',
    zone: 'Tijden in schema’s zijn in {zone}.',
    caption: 'Taken',
    job: 'Taak',
    due: 'Volgende keer',
    last: 'Laatste keer',
    runs: 'Nieuwste keren',
    act: 'Voer nu uit',
    running: 'Bezig',
    on_request: 'Als erom gevraagd wordt',
    never: 'Nog niet',
    none: 'Er zijn geen taken.',
    no_runs: 'Nog niet uitgevoerd.',
    ask: 'Voer {name} nu uit',
    ask_text: 'De taak wordt één keer uitgevoerd, naast het schema. Na {seconds} seconden wordt hij gestopt.',
    begun: '{name} is begonnen.',
    ok: 'gedaan',
    failed: 'mislukt',
    timed_out: 'gestopt: duurde te lang',
    interrupted: 'onderbroken',
    took: '{ms} ms',
    by_schedule: 'volgens het schema',
    by_cron: 'door de planner buiten',
    by_admin: 'door een beheerder',
    in_log: 'Bekijk het in het auditlogboek',
  },
});

/** How a run went. @param {RunLine} run */
const outcome = (run) =>
  run.outcome === 'ok' ? sign('good', say('ok')) : run.outcome === 'running' ? sign('plain', say('running')) : run.outcome === 'timed_out' ? sign('bad', say('timed_out')) : run.outcome === 'interrupted' ? sign('caution', say('interrupted')) : sign('bad', say('failed'));

/** @param {RunLine} run */
const starter = (run) => (run.started_by === 'schedule' ? say('by_schedule') : run.started_by === 'cron' ? say('by_cron') : say('by_admin'));

/** @extends {Sheet<JobList>} */
class Jobs extends Sheet {
  heading() {
    return say('title');
  }

  fetch() {
    return look('/api/admin/jobs');
  }

  begin() {
    super.begin();
    // What runs is looked at until it is done.
    this.every(LOOK_MS, () => this.data.peek()?.jobs.some((job) => job.running) && document.visibilityState === 'visible' && void this.load());
  }

  tools() {
    return [h('button', { type: 'button', class: 'button', id: 'look-again', 'data-testid': 'look-again', onclick: () => void this.load() }, icon('again'), say('again'))];
  }

  /** @param {JobList} list */
  view(list) {
    const may = includes('run_system');
    return [
      h('p', { class: 'muted' }, say('zone', { zone: list.zone })),
      table({
        caption: say('caption'),
        testid: 'jobs',
        rows: list.jobs,
        keyOf: (job) => job.name,
        empty: say('none'),
        columns: [
          { title: say('job'), cell: (job) => [h('p', { class: 'name' }, h('code', null, job.name)), h('p', { class: 'muted small', lang: 'en' }, job.about)], wide: true },
          { title: say('due'), cell: (job) => (job.next_run ? [moment(job.next_run), h('p', { class: 'muted small' }, h('code', null, job.expression ?? ''))] : say('on_request')) },
          { title: say('last'), cell: (job) => this.last(job) },
          { title: say('runs'), cell: (job) => this.runs(job) },
        ],
        actions: may ? (job) => h('button', { type: 'button', class: 'button', id: `run-${job.name}`, 'aria-disabled': job.running ? 'true' : null, 'aria-label': `${job.running ? say('running') : say('act')}: ${job.name}`, 'data-testid': 'run-job', onclick: () => job.running || void this.run(job) }, job.running ? say('running') : say('act')) : undefined,
      }),
    ];
  }

  /** @param {JobLine} job */
  last(job) {
    const [newest] = job.runs;
    return newest ? [outcome(newest), h('p', { class: 'muted small' }, moment(newest.started_at))] : say('never');
  }

  /** @param {JobLine} job */
  runs(job) {
    if (job.runs.length === 0) return h('span', { class: 'muted' }, say('no_runs'));
    return h(
      'details',
      { class: 'more', id: `runs-${job.name}` },
      h('summary', null, `${say('runs')} (${job.runs.length})`),
      h('ul', { class: 'lines' }, ...job.runs.map((run) => h('li', null, h('p', null, outcome(run), ' ', exactly(run.started_at)), h('p', { class: 'muted' }, [starter(run), run.duration_ms === null || run.duration_ms === undefined ? null : say('took', { ms: run.duration_ms })].filter(Boolean).join(' · ')), h('pre', { tabindex: 0 }, JSON.stringify(run.detail, null, 1))))),
    );
  }

  /** @param {JobLine} job */
  async run(job) {
    const done = await reasoned({
      title: say('ask', { name: job.name }),
      text: [say('ask_text', { seconds: job.timeout_seconds }), h('p', { class: 'muted', lang: 'en' }, job.about)],
      yes: say('act'),
      testid: 'run',
      run: async (reason) => {
        await act(`/api/admin/jobs/${encodeURIComponent(job.name)}/run`, { reason });
      },
    });
    if (!done || !this.alive) return;
    this.done.value = say('begun', { name: job.name });
    announce(say('begun', { name: job.name }));
    await this.load();
  }

  above() {
    const id = me.value?.id;
    return this.done.value && includes('read_audit') && id ? [h('p', null, h('a', { class: 'button', href: `/admin/audit?action=run_job&admin_user_id=${id}`, 'data-testid': 'to-audit' }, say('in_log')))] : [];
  }
}

customElements.define('console-jobs', Jobs);

/** @type {Page} */
export const page = { name: 'jobs', order: 60, needs: 'view_system', icon: 'clock', title: () => say('title'), element: 'console-jobs' };
