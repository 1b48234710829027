// Files that go with the next message: picked, pasted, dropped or recorded.

import { $, make, say, state } from "./base.js";
import { reason } from "./server.js";
import { thread } from "./thread.js";

const MOST = Number(document.body.dataset.mostFiles);
const MEGABYTES = Number(document.body.dataset.mostMegabytes);
const SHRUNK_PIXELS = 2048;
const SHRUNK_FROM_BYTES = 1_500_000;

let files = []; // { name, file (its key, once it is there), kind, bytes, node, request }
let changed = () => {};

export function tell(listener) {
  changed = listener;
}

export const ready = () => files.filter((one) => one.file);
export const busy = () => files.some((one) => !one.file);

export function clear() {
  for (const one of files) one.request?.abort();
  files = [];
  $("files").replaceChildren();
  changed();
}

export function sent() {
  clear();
  keep();
}

// --- what outlives a reload -------------------------------------------------------------------------

const keptAs = (id) => `palaver:files:${id}`;

function kept(id) {
  try {
    return JSON.parse(localStorage.getItem(keptAs(id))) || [];
  } catch {
    return [];
  }
}

function keep(list = files, id = thread) {
  try {
    const told = list.map(({ name, file, kind, bytes }) => ({ name, file, kind, bytes }));
    if (told.length) localStorage.setItem(keptAs(id), JSON.stringify(told));
    else localStorage.removeItem(keptAs(id));
  } catch {
    // The browser keeps nothing.
  }
}

// Show again what was attached here. What did not reach the server, or is not there any more, must be
// attached again.
export async function restore() {
  const here = thread;
  const lost = [];
  for (const one of kept(here)) {
    if (one.file && files.length < MOST) show({ ...one }, address(one.file));
    else lost.push(one.name);
  }
  const there = await Promise.all(files.map(async (one) => {
    const answer = await fetch(address(one.file), { method: "HEAD" }).catch(() => null);
    return answer?.status !== 404;
  }));
  if (here !== thread) return;
  for (const gone of files.filter((one, at) => there[at] === false)) {
    lost.push(gone.name);
    remove(gone);
  }
  keep();
  changed();
  if (lost.length) complain(say("page_attach_again", { names: lost.join(", ") }));
}

// Files of a message that was refused are attached again.
export function bring(id, list) {
  if (!list.length) return;
  keep([...list, ...(id === thread ? files : kept(id))].slice(0, MOST), id);
  if (id !== thread) return;
  for (const one of list.slice(0, MOST - files.length)) show({ ...one }, address(one.file));
  changed();
}

const address = (key) => `/api/conversations/${thread}/files/${key}`;

// What was wrong with a file is said until somebody does something else with files.
let complaint = "";
function complain(text) {
  complaint = text;
  state(text, true);
}

function forgive() {
  if (complaint && $("state").textContent === complaint) state("");
  complaint = "";
}

// Take what was picked or dropped before there was a conversation.
let early = [];
export function begin() {
  add(early.splice(0));
}

export function add(list) {
  if (!thread) return early.push(...list);
  forgive();
  for (const file of list) {
    if (files.length >= MOST) return complain(say("page_too_many", { most: MOST }));
    if (!file.size) {
      complain(say("page_empty", { name: file.name }));
      continue;
    }
    if (file.size > MEGABYTES * 1024 * 1024 && !shrinks(file)) {
      complain(say("page_too_large", { name: file.name, megabytes: MEGABYTES }));
      continue;
    }
    take(file);
  }
  changed();
}

// *source*: the address of a picture.
function show(entry, source, bar = "") {
  const off = make("button", { type: "button", class: "icon", "aria-label": say("page_remove", { name: entry.name }), onclick: () => drop(entry) }, "✕");
  entry.node = make("li", {}, preview(entry.kind, source), make("span", { class: "name", dir: "auto" }, entry.name), make("small", {}, entry.bytes ? size(entry.bytes) : ""), bar, off);
  files.push(entry);
  $("files").append(entry.node);
}

async function take(file) {
  const kind = file.type.split("/")[0];
  const entry = { name: file.name || "file", kind, bytes: file.size };
  const bar = make("progress", { max: "1", value: "0", "aria-label": entry.name });
  show(entry, kind === "image" ? URL.createObjectURL(file) : "", bar);
  keep();
  try {
    const sent = await shrink(file);
    entry.kind = sent.type.split("/")[0];
    entry.file = await upload(sent, entry, bar);
    bar.remove();
    if (files.includes(entry)) keep();
  } catch (error) {
    if (!files.includes(entry)) return;
    drop(entry);
    complain(say("page_upload_failed", { name: entry.name, reason: error.message }));
  }
  changed();
}

function drop(entry) {
  forgive();
  entry.request?.abort();
  remove(entry);
  keep();
  $("text").focus();
  changed();
}

function remove(entry) {
  entry.node.remove();
  files = files.filter((one) => one !== entry);
}

function preview(kind, source) {
  if (kind !== "image") return make("span", { class: "sign", "aria-hidden": "true" }, kind === "audio" ? "🎤" : "📄");
  const image = make("img", { src: source, alt: "" });
  image.addEventListener("load", () => URL.revokeObjectURL(source));
  return image;
}

const size = (bytes) => new Intl.NumberFormat(document.documentElement.lang, {
  style: "unit", unit: bytes < 1e6 ? "kilobyte" : "megabyte", maximumFractionDigits: 1,
}).format(bytes < 1e6 ? Math.ceil(bytes / 1e3) : bytes / 1e6);

const shrinks = (file) => /^image\/(jpeg|png|webp)$/.test(file.type);

// A photo of a phone is larger than any model looks at.
async function shrink(file) {
  if (!shrinks(file) || file.size < SHRUNK_FROM_BYTES) return file;
  try {
    const bitmap = await createImageBitmap(file);
    const scale = Math.min(1, SHRUNK_PIXELS / Math.max(bitmap.width, bitmap.height));
    const canvas = make("canvas");
    canvas.width = Math.round(bitmap.width * scale);
    canvas.height = Math.round(bitmap.height * scale);
    canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    const blob = await new Promise((done) => canvas.toBlob(done, file.type, 0.9));
    return blob && blob.size < file.size ? new File([blob], file.name, { type: blob.type }) : file;
  } catch {
    return file; // The server decides whether it is a picture.
  }
}

// `fetch` tells no progress upwards.
function upload(file, entry, bar) {
  return new Promise((done, fail) => {
    const request = (entry.request = new XMLHttpRequest());
    request.open("POST", `/api/conversations/${thread}/files?name=${encodeURIComponent(entry.name)}`);
    request.setRequestHeader("Content-Type", file.type || "application/octet-stream");
    request.upload.addEventListener("progress", (event) => event.lengthComputable && (bar.value = event.loaded / event.total));
    request.addEventListener("load", () => {
      if (request.status === 201) done(JSON.parse(request.response).file);
      else fail(new Error(request.status === 413 ? say("page_too_large", { name: entry.name, megabytes: MEGABYTES }) : reason(request.status)));
    });
    request.addEventListener("error", () => fail(new Error(say("page_offline"))));
    request.send(file);
  });
}

// --- picked, pasted, dropped ----------------------------------------------------------------------

$("attach").addEventListener("click", () => $("pick").click());
$("pick").addEventListener("change", () => {
  add($("pick").files);
  $("pick").value = "";
});
$("text").addEventListener("paste", (event) => {
  // From a table program, text comes with a picture of itself.
  if (!event.clipboardData.files.length || event.clipboardData.getData("text/plain")) return;
  event.preventDefault();
  add(event.clipboardData.files);
});
const carries = (event) => event.dataTransfer?.types.includes("Files") && !$("form").hidden;
document.addEventListener("dragover", (event) => {
  if (!carries(event)) return;
  event.preventDefault();
  document.body.classList.add("dropping");
});
document.addEventListener("dragleave", (event) => event.relatedTarget || document.body.classList.remove("dropping"));
document.addEventListener("drop", (event) => {
  document.body.classList.remove("dropping");
  if (!carries(event)) return;
  event.preventDefault();
  add(event.dataTransfer.files);
});

// --- recorded -------------------------------------------------------------------------------------

let recorder = null;
let abandoned = null;

// What is being recorded belongs to a conversation that somebody leaves.
export function abandon() {
  abandoned = recorder;
  recorder?.stop();
}

if (navigator.mediaDevices?.getUserMedia && window.MediaRecorder) $("record").hidden = false;

$("record").addEventListener("click", async () => {
  if (recorder) return recorder.stop();
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    const type = ["audio/ogg;codecs=opus", "audio/webm;codecs=opus", "audio/mp4"].find((one) => MediaRecorder.isTypeSupported(one));
    const pieces = [];
    recorder = new MediaRecorder(stream, type ? { mimeType: type } : {});
    recorder.addEventListener("dataavailable", (event) => pieces.push(event.data));
    recorder.addEventListener("stop", () => {
      for (const track of stream.getTracks()) track.stop();
      const kind = recorder.mimeType.split(";")[0] || "audio/webm";
      const kept = recorder !== abandoned;
      recorder = null;
      recording(false);
      if (kept && pieces.some((one) => one.size)) add([new File(pieces, `voice.${kind.split("/")[1]}`, { type: kind })]);
    });
    recorder.start();
    recording(true);
  } catch (error) {
    recorder = null;
    state(say("page_no_microphone", { reason: error.message }), true);
  }
});

function recording(on) {
  $("record").classList.toggle("on", on);
  $("record").setAttribute("aria-label", say(on ? "page_record_end" : "page_record"));
  $("record").setAttribute("aria-pressed", String(on));
}
