// Times as people read them.

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const toTheSecond = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

/** 14:05 today, 3 May 14:05 before. */
export function shortTime(date, nowSeconds) {
  const isToday = date.toDateString() === new Date(nowSeconds * 1000).toDateString();
  return isToday ? clock.format(date) : `${day.format(date)}, ${clock.format(date)}`;
}

export const secondsTime = (date) => toTheSecond.format(date);
export const exactTime = (date) => (Number.isNaN(date.getTime()) ? String(date) : exact.format(date));

/** 40 s, 9 min, 3 h, 12 d. */
export function span(seconds) {
  if (seconds < 90) return `${Math.max(0, Math.ceil(seconds))} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 129600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} d`;
}
