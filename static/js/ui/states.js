/** What became of a message, as a sign and in words. */

/** @import { MessageState } from '../core/timeline.js' */
import { t } from '../core/i18n.js';
import { icon } from './dom.js';

const ICONS = { sending: 'clock', unconfirmed: 'question', failed: 'alert', sent: 'tick', delivered: 'ticks', read: 'ticks' };

/** @param {MessageState} state @param {string} [label] */
export function stateIcon(state, label) {
  const made = icon(ICONS[state], label);
  made.classList.add('state-icon');
  made.setAttribute('data-state', state);
  return made;
}

/**
 * @param {MessageState} state
 * @param {{ connected: boolean, group?: boolean, readers?: number, others?: number }} facts
 */
export function stateWords(state, { connected, group = false, readers = 0, others = 0 }) {
  switch (state) {
    case 'sending':
      return connected ? t('state_sending') : t('state_waiting');
    case 'unconfirmed':
      return t('state_unconfirmed');
    case 'failed':
      return t('state_failed');
    default:
      if (group && readers > 0) return readers === others ? t('state_read_all') : t('state_read_by', { count: readers });
      return t(state === 'read' ? 'state_read' : state === 'delivered' ? 'state_delivered' : 'state_sent');
  }
}
