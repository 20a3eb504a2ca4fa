// From a picture to the page of its originals.
import { go } from "/console/lib/router.js";

const NOTHING = { id: null, url: null, text: null, upload: null, region: null, weight: 1, mix: [], show: null, filter: null, decided: false };

/** Looks for the originals of { id }, { url } or { upload }, in the whole library: the filter of a search does not apply. */
export const matchWith = (picture) => go({ ...NOTHING, page: "match", ...picture });
