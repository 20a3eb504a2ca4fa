// Checks the scripts that the server gives to browsers; `npm run lint`.
import js from "@eslint/js";
import { defineConfig, globalIgnores } from "eslint/config";
import globals from "globals";

export default defineConfig([
  globalIgnores([".venv/", "build/", "dist/", "demo-output/", "docs/", "site/"]),
  js.configs.recommended,
  { files: ["yunmeng/**/*.js"], languageOptions: { globals: globals.browser }, linterOptions: { reportUnusedDisableDirectives: "error" } },
  { files: ["yunmeng/server/swagger/*.js"], languageOptions: { globals: { SwaggerUIBundle: "readonly" } } },
]);
