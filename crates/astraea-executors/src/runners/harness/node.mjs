import { readFileSync } from "node:fs";
// The word that marks our lines: an argument would be read in /proc by the processes of the test files.
const word = readFileSync(0, "utf8").trim();
const mark = (event) => `\n@astra ${word} ` + JSON.stringify(event) + "\n";
const said = (error) => {
  if (!error) return "";
  const cause = error.cause instanceof Error ? error.cause : error;
  const text = String(cause.stack ?? cause.message ?? cause);
  return text.length > 2000 ? text.slice(0, 2000) : text;
};
export default async function* (source) {
  for await (const { type, data } of source) {
    switch (type) {
      case "test:start":
        yield mark({ t: "start", name: data.name, nest: data.nesting, file: data.file });
        break;
      case "test:pass":
      case "test:fail":
        yield mark({
          t: type === "test:pass" ? "pass" : "fail",
          name: data.name,
          nest: data.nesting,
          file: data.file,
          suite: data.details?.type === "suite",
          skip: data.skip === undefined || data.skip === false ? null : String(data.skip),
          todo: data.todo !== undefined && data.todo !== false,
          kind: data.details?.error?.failureType ?? "",
          said: type === "test:fail" ? said(data.details?.error) : "",
        });
        break;
      case "test:stderr":
        yield mark({ t: "stderr", file: data.file, said: String(data.message).slice(0, 4000) });
        break;
    }
  }
  yield mark({ t: "end" });
}
