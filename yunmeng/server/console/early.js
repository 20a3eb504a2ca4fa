// Runs before the first paint, so that what was chosen (theme, language, how scores are told) does not flash. A classic script: modules wait.
(() => {
  /** @param {string} name */
  const read = (name) => {
    try {
      return localStorage.getItem(name);
    } catch {
      return null; // storage is blocked: the browser's own preferences hold
    }
  };
  const { src } = /** @type {HTMLScriptElement} */ (document.currentScript);
  document.documentElement.dataset.prefix = new URL(src).pathname.replace(/\/console\/(joined\/\w+\/)?early\.js$/, "");
  const theme = read("yunmeng.theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  document.documentElement.dataset.scores = read("yunmeng.scores") === "numbers" ? "numbers" : "words";
  if (new URLSearchParams(location.search).has("embed")) {
    document.documentElement.dataset.embed = ""; // another site shows the shop in a frame: without what is of the console
    if (!location.hash) history.replaceState(null, "", "#/shop");
  }
  const language = read("yunmeng.language") ?? navigator.language ?? "en";
  document.documentElement.lang = language.toLowerCase().startsWith("zh") ? "zh-CN" : "en";
})();
