// Lets the console be installed as an app: keeps its shell for when the server cannot be reached, and takes pictures that
// other apps share. Answers and pictures of the API are never kept. What is kept, main.js puts there (lib/shell.js).

const worker = /** @type {any} */ (self); // tsc has the types of pages only
const PREFIX = new URL(".", worker.location.href).pathname; // "/" at the root, "/search/" below a prefix
const SHARE = `${PREFIX}console/share`;

worker.addEventListener("install", () => worker.skipWaiting());
worker.addEventListener("activate", (/** @type {any} */ event) => event.waitUntil(worker.clients.claim()));
worker.addEventListener("fetch", (/** @type {any} */ event) => {
  const { method, url } = event.request;
  const { origin, pathname } = new URL(url);
  if (origin !== location.origin) return;
  if (method === "POST" && pathname === SHARE) event.respondWith(share(event.request));
  else if (method === "GET" && (pathname === PREFIX || pathname.startsWith(`${PREFIX}console/`))) event.respondWith(shell(event.request));
});

/** What the server has is newer; without it, what was kept. @param {Request} request */
async function shell(request) {
  try {
    return await fetch(request);
  } catch (error) {
    const kept = await caches.match(request, { ignoreVary: true });
    if (kept) return kept;
    throw error;
  }
}

/** Searches with what was shared: a picture, or an address. @param {Request} request */
async function share(request) {
  const shared = await request.formData();
  const picture = shared.get("picture");
  if (picture instanceof File && picture.size) return Response.redirect(`${PREFIX}#/?upload=${await kept(picture)}`, 303);
  const address = [shared.get("url"), shared.get("text")].map(String).find((text) => /^https?:\/\/\S+$/.test(text.trim()));
  return Response.redirect(address ? `${PREFIX}#/?url=${encodeURIComponent(address.trim())}` : PREFIX, 303);
}

/** The digest by which the server keeps a picture; where it does not, one that says so. @param {File} picture */
async function kept(picture) {
  const form = new FormData();
  form.append("file", picture);
  const answer = await fetch(`${PREFIX}v1/query-pictures`, { method: "POST", body: form }).catch(() => null);
  return answer?.ok ? (await answer.json()).sha256 : "lost";
}
