// The HTTP API, one function a call. Every failure is an `ApiError`; a request that was aborted stays an AbortError.

export class ApiError extends Error {
  constructor(status, { code, message, details = [] }, retryAfter = null) {
    super(message);
    Object.assign(this, { status, code, details, retryAfter });
  }
}

const inPath = (id) => encodeURIComponent(id);

async function call(method, path, { json, form, signal, quiet = false, read = "json" } = {}) {
  const body = form ?? (json === undefined ? undefined : JSON.stringify(json));
  const headers = json === undefined ? {} : { "Content-Type": "application/json" };
  let response;
  try {
    response = await fetch(path, { method, body, headers, signal, credentials: "same-origin" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, { code: "unreachable", message: "" });
  }
  if (response.ok) return response.status === 204 ? null : response[read]();
  const failure = readError(response.status, await response.text(), response.headers.get("Retry-After"));
  if (response.status === 401 && !quiet) window.dispatchEvent(new Event("signedout"));
  throw failure;
}

/** The error in a body, or one made up from the status where a proxy answered in the server's place. */
export function readError(status, text, retryAfter = null) {
  try {
    const { error } = JSON.parse(text);
    if (error?.code) return new ApiError(status, error, retryAfter);
  } catch {
    // not JSON
  }
  return new ApiError(status, { code: status >= 502 ? "unreachable" : "internal", message: `HTTP ${status}` }, retryAfter);
}

/** Those of the values that say something. */
const given = (values) =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined && value !== null && value !== ""));

function asForm(values) {
  const form = new FormData();
  for (const [name, value] of Object.entries(given(values))) form.append(name, value);
  return form;
}

const withQuery = (path, values) => {
  const query = new URLSearchParams(given(values)).toString();
  return query ? `${path}?${query}` : path;
};

export const session = () => call("GET", "/v1/session");
export const signIn = (key) => call("POST", "/v1/session", { json: { key }, quiet: true });
export const signOut = () => call("DELETE", "/v1/session");
export const library = () => call("GET", "/v1/library");
export const attributes = () => call("GET", "/v1/attributes");

/**
 * `question` is { id } or { url } or { text } or { file }, with `region` as [x, y, w, h] where one is drawn; and `mix`, what
 * else hits are to be like, each part with a `weight`.
 */
export function search({ file, region, mix = [], ...question }, { fields, ...options }, signal) {
  const { k, offset, filter, min, chance, regions, metric, group, explain } = options;
  const wanted = { k, offset, filter, min_score: min, min_chance: chance, regions: regions || null, metric, group_by: group, explain: explain || null };
  const rerank = options.rerank ?? [];
  if (file) {
    const parts = mix.length ? JSON.stringify(mix.map(partOnWire)) : null;
    const form = asForm({ file, ...wanted, region: region?.join(","), mix: parts });
    for (const field of fields) form.append("fields", field);
    for (const step of rerank) form.append("rerank", step);
    return call("POST", "/v1/search/upload", { form, signal });
  }
  const parts = mix.length ? mix.map(partOnWire) : null;
  const json = given({ ...question, ...wanted, rerank: rerank.length ? rerank : null, region: region && boxOnWire(region), mix: parts });
  return call("POST", "/v1/search", { json: { ...json, fields }, signal });
}

const boxOnWire = ([x, y, w, h]) => ({ x, y, w, h });
const partOnWire = ({ region, ...part }) => (region ? { ...part, region: boxOnWire(region) } : part);

/** Where the subject of { id }, { url } or { file } is: { region, method }. */
export const subject = ({ file, ...picture }, signal) =>
  file
    ? call("POST", "/v1/subject/upload", { form: asForm({ file }), signal })
    : call("POST", "/v1/subject", { json: picture, signal });

const sidesOnWire = (a, b) => {
  const side = (name, { file, id, url }) => ({ [name]: file, [`${name}_id`]: id, [`${name}_url`]: url });
  return asForm({ ...side("a", a), ...side("b", b) });
};

/** Each side is { id }, { url } or { file }; `a` is the suspect picture, `b` what it may be made from. */
export const compare = (a, b, signal) => call("POST", "/v1/compare", { form: sidesOnWire(a, b), signal });

/** The evidence as a PNG: both sides, aligned, with the outline drawn. */
export const evidence = (a, b, signal) => call("POST", "/v1/compare/evidence", { form: sidesOnWire(a, b), signal, read: "blob" });

/** The pictures that { id }, { url } or { file } may be made from. */
export const match = ({ file, ...picture }, { k }, signal) =>
  file
    ? call("POST", "/v1/match/upload", { form: asForm({ file, k }), signal })
    : call("POST", "/v1/match", { json: given({ ...picture, k }), signal });

export const duplicates = (signal) => call("GET", "/v1/duplicates", { signal });
export const findDuplicates = (keep) => call("POST", "/v1/duplicates", { json: { keep } });
export const cancelDuplicates = () => call("POST", "/v1/duplicates/cancel");
export const duplicateGroups = ({ offset, limit, open }, signal) =>
  call("GET", withQuery("/v1/duplicates/groups", { offset, limit, open }), { signal });
export const decideDuplicates = (number, discard) => call("POST", `/v1/duplicates/groups/${number}`, { json: { discard } });
export const undoDuplicates = (number) => call("POST", `/v1/duplicates/groups/${number}/undo`);

export const pictures = ({ limit, cursor, filter }, signal) =>
  call("GET", withQuery("/v1/pictures", { limit, cursor, filter }), { signal });
export const picture = (id, signal) => call("GET", `/v1/pictures/${inPath(id)}`, { signal });
export const setAttributes = (id, values) =>
  call("PUT", `/v1/attributes/${inPath(id)}`, { json: { attributes: values } });
export const remove = (id) => call("DELETE", `/v1/pictures/${inPath(id)}`);

export const imports = () => call("GET", "/v1/imports?limit=20");
export const startImport = (json) => call("POST", "/v1/imports", { json });
export const cancelImport = (number) => call("POST", `/v1/imports/${number}/cancel`);
export const resumeImport = (number) => call("POST", `/v1/imports/${number}/resume`);
export const importFailures = (number) => call("GET", `/v1/imports/${number}/failures?limit=1000`);
export const importEvents = (number) => `/v1/imports/${number}/events`;

export const thumbnail = (id, side) => `/v1/thumbnails/${inPath(id)}?side=${side}`;
export const original = (id) => `/v1/originals/${inPath(id)}`;
export const preview = (url, side = 1024) => withQuery("/v1/previews", { url, side });

/** Sends one file to the library, telling `onProgress` the part sent in [0, 1]: fetch cannot say it, XMLHttpRequest can. */
export function add(file, { id, values, onProgress }) {
  const form = asForm({ files: file, ids: id, attributes: values && JSON.stringify(values) });
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", "/v1/pictures");
    request.upload.onprogress = (event) => event.lengthComputable && onProgress(event.loaded / event.total);
    request.onerror = () => reject(new ApiError(0, { code: "unreachable", message: "" }));
    request.onload = () => {
      if (request.status < 300) return resolve(JSON.parse(request.responseText));
      if (request.status === 401) window.dispatchEvent(new Event("signedout"));
      return reject(readError(request.status, request.responseText, request.getResponseHeader("Retry-After")));
    };
    request.send(form);
  });
}
