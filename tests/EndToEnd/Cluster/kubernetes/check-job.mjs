// Checks a YAML file against the Job of the Kubernetes API: its types, enumerations and formats by the schema of the API, and its
// field names by the type declarations made from that schema, which know no others (to the schema, unknown fields are fine).
//
// Usage: node check-job.mjs FILE.yaml...
// Prints a list of lists in JSON: for each file why it is not a Job as the API has it, nothing when it is.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Job } from "kubernetes-models/batch/v1";
import { parseDocument } from "yaml";

const jobs = process.argv.slice(2).map((file) => {
  const document = parseDocument(readFileSync(file, "utf8"), { uniqueKeys: true });
  return { found: document.toJS(), faults: [...document.errors, ...document.warnings].map(String) };
});
for (const { found, faults } of jobs) {
  if (found?.apiVersion !== "batch/v1" || found?.kind !== "Job") {
    faults.push(`apiVersion and kind are ${found?.apiVersion} and ${found?.kind}, not batch/v1 and Job`);
  }
  faults.push(...schemaFaults(found));
}
addFieldNameFaults(jobs);
console.log(JSON.stringify(jobs.map((job) => job.faults)));

function schemaFaults(job) {
  try {
    new Job(job).validate();
    return [];
  } catch (e) {
    return (e.errors ?? [e]).map((fault) => `${fault.instancePath ?? ""} ${fault.message}`);
  }
}

// An object literal with a field that its type doesn't have is an error to TypeScript. It reads the types once for all jobs.
function addFieldNameFaults(jobs) {
  const folder = mkdtempSync(fileURLToPath(new URL("check-", import.meta.url)));
  try {
    const sources = jobs.map(({ found }, i) => {
      const source = join(folder, `job-${i}.ts`);
      const type = 'import type { IJob } from "kubernetes-models/batch/v1";';
      writeFileSync(source, `${type}\nexport const job: IJob = ${JSON.stringify(found, null, 2)};\n`);
      return source;
    });
    const compiler = createRequire(import.meta.url).resolve("typescript/bin/tsc");
    const options = ["--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext", "--pretty", "false"];
    const run = spawnSync(process.execPath, [compiler, ...options, ...sources], { encoding: "utf8" });
    if (run.status === 0) {
      return;
    }
    const lines = (run.stdout + run.stderr).split("\n").filter((line) => line.trim() !== "");
    jobs.forEach(({ faults }, i) => faults.push(...lines.filter((line) => line.includes(`job-${i}.ts`))));

    // What names no job is a fault of this check, and makes all of them fail.
    const others = lines.filter((line) => !/job-\d+\.ts/.test(line) && !/^\s/.test(line));
    jobs.forEach(({ faults }) => faults.push(...others));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
