// What the page does beyond showing and sending: it counts on, keeps "now" at now, and sends a form once. Without it
// everything can be done as well.
"use strict";

const MINUTE = 60000;

function span(minutes) {
  const days = Math.floor(minutes / 1440), hours = Math.floor(minutes / 60) % 24;
  if (days) return hours ? `${days} 天 ${hours} 小时` : `${days} 天`;
  return hours ? `${hours} 小时 ${minutes % 60} 分` : `${minutes} 分钟`;
}

function count() {
  for (const shown of document.querySelectorAll("time[data-due]")) {
    const left = Date.parse(shown.dateTime) - Date.now();
    const text = (left < 0 ? "已超 " : "还剩 ") + span(Math.floor(Math.abs(left) / MINUTE));
    if (shown.textContent !== text) shown.textContent = text;
  }
}

// The district's clock may not be this browser's: a time that nobody touched moves on by what has passed since.
const opened = Date.now();
function moveOn() {
  for (const input of document.querySelectorAll("input[data-now]")) {
    if (input.defaultValue !== input.value && !input.dataset.moved) continue;
    if (input.dataset.moved && input.dataset.moved !== input.value) continue;
    const [date, time] = input.defaultValue.split("T"), [year, month, day] = date.split("-"), [hour, minute] = time.split(":");
    const at = new Date(Date.UTC(year, month - 1, day, hour, minute) + Date.now() - opened);
    input.value = input.dataset.moved = at.toISOString().slice(0, 16);
  }
}

function tooLarge(form) {
  const files = [...form.querySelectorAll("input[type=file]")].flatMap((input) => [...input.files].map((file) => [file, Number(input.dataset.most)]));
  return files.find(([file, most]) => file.size > most)?.[0];
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("[data-once]")) return;
  if (form.dataset.sent) return event.preventDefault();
  const large = tooLarge(form);
  if (large) {
    event.preventDefault();
    const input = form.querySelector("input[type=file]");
    input.setCustomValidity(`${large.name}：超过 10 MB`);
    input.reportValidity();
    input.setCustomValidity("");
    return;
  }
  form.dataset.sent = "1";
  for (const button of form.querySelectorAll("button")) button.disabled = true;
});

window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("[data-once]")) {
    delete form.dataset.sent;
    for (const button of form.querySelectorAll("button")) button.disabled = false;
  }
});

document.querySelector("[data-focus]")?.focus();
document.body.addEventListener("htmx:afterSwap", count);
setInterval(() => { count(); moveOn(); }, 10000);
count();
