// Renames one thing of a JavaScript or TypeScript project through TypeScript's language service.
// Arguments: old name (may be qualified), new name, file or "".
// Prints one JSON line: {"missing": ...}, {"error": ...} or {"definition": ..., "files": [...]}.
const fs = require("node:fs");
const path = require("node:path");
const { createRequire } = require("node:module");
const [OLD, NEW, FILE] = process.argv.slice(1).filter((word) => word !== "--");

function say(value) {
  console.log("@rename " + JSON.stringify(value));
  process.exit(0);
}

const root = process.cwd();
let ts;
const places = [path.join(root, "package.json")];
for (let dir = path.dirname(root); dir !== path.dirname(dir); dir = path.dirname(dir)) {
  places.push(path.join(dir, "package.json"));
}
for (const place of [...places, ...(process.env.NODE_PATH ?? "").split(":").filter(Boolean).map((p) => p + "/x.js")]) {
  try {
    ts = createRequire(place)("typescript");
    if (typeof ts.createLanguageService === "function") break;
    ts = undefined;
  } catch {}
}
if (!ts) say({ missing: "typescript" });
if (!/^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(NEW)) say({ error: `${NEW} is no name in JavaScript` });

const SKIP = new Set([".git", "node_modules", "dist", "build", "coverage", "vendor"]);
const files = [];
(function walk(dir) {
  for (const entry of fs.readdirSync(dir, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const at = path.join(dir, entry.name);
    if (entry.isDirectory() && !SKIP.has(entry.name)) walk(at);
    else if (entry.isFile() && /\.([cm]?js|jsx|[cm]?ts|tsx)$/.test(entry.name)) files.push(at);
  }
})(root);

const options = {
  allowJs: true, checkJs: false, noEmit: true, target: ts.ScriptTarget.Latest, module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext, jsx: ts.JsxEmit?.Preserve, types: [], skipLibCheck: true,
};
const host = {
  getScriptFileNames: () => files,
  getScriptVersion: () => "1",
  getScriptSnapshot: (name) => (fs.existsSync(name) ? ts.ScriptSnapshot.fromString(fs.readFileSync(name, "utf8")) : undefined),
  getCurrentDirectory: () => root,
  getCompilationSettings: () => options,
  getDefaultLibFileName: (o) => ts.getDefaultLibFilePath(o),
  fileExists: ts.sys.fileExists, readFile: ts.sys.readFile, readDirectory: ts.sys.readDirectory,
  directoryExists: ts.sys.directoryExists, getDirectories: ts.sys.getDirectories,
};
const service = ts.createLanguageService(host, ts.createDocumentRegistry());
const program = service.getProgram();
const wanted = OLD.split(/\.|::|#/).filter(Boolean);
const matches = [];
const taken = new Set();
for (const file of files) {
  const source = program.getSourceFile(file);
  if (!source) continue;
  const shown = path.relative(root, file);
  const visit = (node, inside) => {
    const named =
      ts.isFunctionDeclaration(node) || ts.isClassDeclaration(node) || ts.isMethodDeclaration(node) ||
      ts.isVariableDeclaration(node) || ts.isPropertyDeclaration(node) || ts.isInterfaceDeclaration(node) ||
      ts.isTypeAliasDeclaration(node) || ts.isEnumDeclaration(node);
    const name = named && node.name && (ts.isIdentifier(node.name) || ts.isPrivateIdentifier(node.name)) ? node.name.text : "";
    if (name) {
      const names = [...inside, name];
      taken.add(shown + "\0" + names.join("."));
      if (name === wanted.at(-1) && names.slice(-wanted.length).join(".") === wanted.join(".") && (!FILE || FILE === shown)) {
        const line = source.getLineAndCharacterOfPosition(node.name.getStart(source)).line + 1;
        matches.push({ file, shown, names, at: node.name.getStart(source), line });
      }
    }
    // names inside a function are its own business, unless they are asked for by its name
    const deeper = name && (ts.isClassDeclaration(node) || ts.isFunctionDeclaration(node) || ts.isMethodDeclaration(node));
    ts.forEachChild(node, (child) => visit(child, deeper ? [...inside, name] : inside));
  };
  visit(source, []);
}
if (!matches.length) say({ error: `nothing is defined by the name ${OLD}${FILE ? " in " + FILE : ""}` });
let found = matches;
const exact = matches.filter((m) => m.names.length === wanted.length);
if (found.length > 1 && exact.length === 1) found = exact;
if (found.length > 1) {
  const list = found.slice(0, 5).map((m) => `${m.names.join(".")} (${m.shown}:${m.line})`).join(", ");
  say({ error: `${OLD} is defined more than once: ${list}; say which, qualified or by file` });
}
const [one] = found;
if (taken.has(one.shown + "\0" + [...one.names.slice(0, -1), NEW].join("."))) {
  say({ error: `${NEW} is defined beside it in ${one.shown} already` });
}
const info = service.getRenameInfo(one.file, one.at, {});
if (!info.canRename) say({ error: info.localizedErrorMessage ?? "TypeScript cannot rename it" });
const spots = service.findRenameLocations(one.file, one.at, false, false, { providePrefixAndSuffixTextForRename: true }) ?? [];
const byFile = new Map();
for (const spot of spots) {
  if (spot.fileName.includes("/node_modules/")) say({ error: "it belongs to a dependency" });
  byFile.set(spot.fileName, [...(byFile.get(spot.fileName) ?? []), spot]);
}
for (const [file, list] of byFile) {
  let text = fs.readFileSync(file, "utf8");
  for (const { textSpan, prefixText = "", suffixText = "" } of list.sort((a, b) => b.textSpan.start - a.textSpan.start)) {
    text = text.slice(0, textSpan.start) + prefixText + NEW + suffixText + text.slice(textSpan.start + textSpan.length);
  }
  fs.writeFileSync(file, text);
}
say({ definition: `${one.shown}:${one.line}`, files: [...byFile.keys()].map((f) => path.relative(root, f)).sort() });
