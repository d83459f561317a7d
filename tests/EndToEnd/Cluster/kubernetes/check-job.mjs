// Checks a YAML file against the Job of the Kubernetes API: its types, enumerations and formats by the schema of the API, and its
// field names by the type declarations made from that schema, which know no others (to the schema, unknown fields are fine).
//
// Usage: node check-job.mjs FILE.yaml      Exit code 0: a Job, as the API has it; 1: not, and the lines on standard error say why.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Job } from "kubernetes-models/batch/v1";
import { parseDocument } from "yaml";

const document = parseDocument(readFileSync(process.argv[2], "utf8"), { uniqueKeys: true });
const faults = [...document.errors, ...document.warnings].map(String);
const found = document.toJS();

if (found?.apiVersion !== "batch/v1" || found?.kind !== "Job") {
  faults.push(`apiVersion and kind are ${found?.apiVersion} and ${found?.kind}, not batch/v1 and Job`);
}
faults.push(...schemaFaults(found), ...fieldNameFaults(found));

for (const fault of faults) {
  console.error(fault);
}
process.exit(faults.length === 0 ? 0 : 1);

function schemaFaults(job) {
  try {
    new Job(job).validate();
    return [];
  } catch (e) {
    return (e.errors ?? [e]).map((fault) => `${fault.instancePath ?? ""} ${fault.message}`);
  }
}

// An object literal with a field that its type doesn't have is an error to TypeScript.
function fieldNameFaults(job) {
  const folder = mkdtempSync(fileURLToPath(new URL("check-", import.meta.url)));
  try {
    const source = join(folder, "job.ts");
    writeFileSync(source, `import type { IJob } from "kubernetes-models/batch/v1";\nexport const job: IJob = ${JSON.stringify(job, null, 2)};\n`);
    const compiler = createRequire(import.meta.url).resolve("typescript/bin/tsc");
    const options = ["--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext", "--pretty", "false"];
    const run = spawnSync(process.execPath, [compiler, ...options, source], { encoding: "utf8" });
    return run.status === 0 ? [] : [run.stdout + run.stderr];
  } finally {
    rmSync(folder, { recursive: true });
  }
}
