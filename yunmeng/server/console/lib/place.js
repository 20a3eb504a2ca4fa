// Where the server is below the name of its host: a proxy may show it under a prefix.

const PREFIX = document.documentElement.dataset.prefix ?? ""; // early.js has read it off its own address

/**
 * The address of what the server names by `path`, such as "/v1/library".
 *
 * @param {string} path
 */
export const at = (path) => PREFIX + path;
