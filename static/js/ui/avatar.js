/** Generated portraits: initials on a shape with a hue that stays the same. */

/** @import { Chat, Member } from '../types.js' */
import { t } from '../core/i18n.js';
import { hueStep, initials } from '../core/text.js';
import { h, icon } from './dom.js';

/**
 * The uploaded picture before the drawn one, which shows while it is loading and when it cannot be had.
 * @param {{ first_name: string, last_name: string, hue?: number | null, picture?: string | null, id: string }} person @param {'small' | 'medium' | 'large'} [size]
 */
export function avatar(person, size = 'medium') {
  const made = h('span', { class: `avatar ${size}`, 'data-hue': hueStep(person.hue, person.id), 'aria-hidden': 'true' }, initials(person.first_name, person.last_name) || '·');
  if (person.picture) {
    const picture = h('img', { src: person.picture, alt: '', width: 72, height: 72, decoding: 'async' });
    picture.addEventListener('error', () => picture.remove());
    made.append(picture);
  }
  return made;
}

/** @param {Member | undefined} member @param {'small' | 'medium' | 'large'} [size] */
export const memberAvatar = (member, size) =>
  avatar(member ? { first_name: member.first_name, last_name: member.last_name, hue: member.hue, picture: member.picture, id: member.u } : { first_name: '', last_name: '', id: '' }, size);

/** The members besides oneself. @param {Chat} chat @param {string | null} me */
export const others = (chat, me) => chat.members.filter((member) => member.u !== me);

/** @param {Chat} chat @param {string | null} me */
export function chatName(chat, me) {
  if (chat.name) return chat.name;
  const people = others(chat, me).filter((member) => member.status === 'active' || !chat.group);
  if (people.length === 0) return chat.group ? t('chat_group') : t('chat_nobody');
  if (!chat.group) return fullName(people[0]);
  return people.map((member) => member.first_name).join(', ');
}

/** @param {{ first_name: string, last_name: string } | undefined} person */
export const fullName = (person) => (person ? `${person.first_name} ${person.last_name}`.trim() : '') || t('chat_nobody');

/** @param {Chat} chat @param {string | null} me @param {'medium' | 'large'} [size] */
export function chatAvatar(chat, me, size = 'medium') {
  const people = others(chat, me);
  if (!chat.group) return memberAvatar(people[0], size);
  return h('span', { class: `avatar ${size} group`, 'data-hue': hueStep(null, chat.id), 'aria-hidden': 'true' }, icon('people'));
}
