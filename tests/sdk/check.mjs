// The official SDK against the emulator at TRIGGER_API_URL: a line for each check, exit code 1 when one fails.
//
// What lives here: the checks. What is right is what `GET /emulator/world` tells. With SDK_REQUESTS=<file> it also
// writes down what the SDK sent.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { apiClientManager } from "@trigger.dev/core/v3";
import { auth, batch, idempotencyKeys, query, queues, runs, tasks } from "@trigger.dev/sdk";
import { Recorder } from "./requests.mjs";

const API = process.env.TRIGGER_API_URL;
const SMALL = process.env.TRIGGER_SMALL_URL;
const LIST_LAG_MS = 2000;
const ONCE = { retry: { maxAttempts: 1 } };
const SOON = { retry: { maxAttempts: 3, minTimeoutInMs: 50, maxTimeoutInMs: 100 } };

const recorder = new Recorder();
const plainly = (path, init, url = API) => {
  const { call } = recorder;
  recorder.call = "";
  const answer = fetch(url + path, init).finally(() => (recorder.call = call));
  return answer.then((response) => response.json());
};
const truth = () => plainly("/emulator/world?limit=all");
const faults_of = (url) => (...specs) =>
  plainly("/emulator/faults", { method: "POST", body: JSON.stringify({ faults: specs }) }, url);
const faults = faults_of(API);

let failed = 0;
async function check(name, run, { isRecorded = true } = {}) {
  recorder.call = isRecorded ? name : "";
  try {
    await run();
    console.log(`ok      ${name}`);
  } catch (error) {
    failed += 1;
    const lines = String(error?.stack ?? error).split("\n").slice(0, 12);
    console.log([`FAILED  ${name}`, ...lines].join("\n        "));
  }
}

async function collected(params) {
  const found = [];
  for await (const run of runs.list({ limit: 100, ...params })) found.push(run);
  return found;
}
const ids = (rows) => rows.map((row) => row.id).sort();
const isDate = (value) => value instanceof Date && !Number.isNaN(value.getTime());
async function until(id, isSo, what) {
  for (let tries = 0; tries < 100; tries += 1) {
    const run = await runs.retrieve(id);
    if (isSo(run)) return run;
    await pause(100);
  }
  throw new Error(`${id} did not get ${what}`);
}

// Everything that is compared is older than this, so that lists have come to know it.
const start = await truth();
const to = new Date(Date.parse(start.now) - LIST_LAG_MS);
const known = start.runs.filter((run) => new Date(run.createdAt) <= to);
const where = (isSo) => ids(known.filter(isSo));
const some = (name, isSo) => {
  const run = known.find(isSo);
  assert(run, `the world has no ${name} run`);
  recorder.name(run.id, name);
  return run;
};
const completed = some("completed", (run) => run.status === "COMPLETED" && run.taskIdentifier === "crm-sync");
const broken = some("failed", (run) => run.label === "error" || run.label === "custom-error");
const child = some("child", (run) => run.taskIdentifier === "render-page" && run.parent !== null);
const parent = some("parent", (run) => run.id === child.parent);
recorder.name(String(to.getTime()), "now_ms");

// --- runs.list

await check("runs.list()", async () => {
  const page = await runs.list();
  assert.equal(page.data.length, 25);
  for (const run of page.data) {
    assert(isDate(run.createdAt) && isDate(run.updatedAt), "dates are dates");
    assert.equal(run.env.name, "dev");
    assert.equal(typeof run.durationMs, "number");
  }
  const now = new Map((await truth()).runs.map((run) => [run.id, run]));
  for (const { id, taskIdentifier } of page.data) assert.equal(now.get(id).taskIdentifier, taskIdentifier);
});
await check("for await (runs.list()) gives every run once, the newest first", async () => {
  const found = await collected({ to });
  assert.deepEqual(found.map((run) => run.id), known.map((run) => run.id));
}, { isRecorded: false });
await check("page.hasNextPage(), getNextPage(), getPreviousPage()", async () => {
  const first = await runs.list({ to, limit: 10 });
  recorder.name(first.pagination.next, "next");
  assert(first.hasNextPage() && !first.hasPreviousPage());
  const second = await first.getNextPage();
  assert.deepEqual([...first.data, ...second.data].map((run) => run.id), known.slice(0, 20).map((run) => run.id));
  recorder.name(second.pagination.previous, "previous");
  const back = await second.getPreviousPage();
  // A page before a cursor comes oldest first, as from the real server.
  assert.deepEqual(back.data.map((run) => run.id).reverse(), first.data.map((run) => run.id));
  assert(!back.hasPreviousPage() && back.hasNextPage());
});

const tag = known.find((run) => run.tags.length).tags[0];
const version = known.find((run) => run.version).version;
recorder.name(tag, "tag");
recorder.name(version, "version");
const hourAgo = new Date(to.getTime() - 3_600_000);
recorder.name(String(hourAgo.getTime()), "hour_ago_ms");
for (const [what, params, isSo] of [
  ["taskIdentifier", { taskIdentifier: "crm-sync" }, (run) => run.taskIdentifier === "crm-sync"],
  [
    "two of taskIdentifier",
    { taskIdentifier: ["send-email", "heartbeat"] },
    (run) => ["send-email", "heartbeat"].includes(run.taskIdentifier),
  ],
  ["tag", { tag }, (run) => run.tags.includes(tag)],
  ["two tags (any of them)", { tag: [tag, "region:none"] }, (run) => run.tags.includes(tag)],
  ["version", { version }, (run) => run.version === version],
  ["queue of a task", { queue: { type: "task", name: "crm-sync" } }, (run) => run.taskIdentifier === "crm-sync"],
  ["custom queue", { queue: { type: "custom", name: "email" } }, (run) => run.taskIdentifier === "send-email"],
  [
    "both queues",
    { queue: [{ type: "task", name: "crm-sync" }, { type: "custom", name: "email" }] },
    (run) => ["crm-sync", "send-email"].includes(run.taskIdentifier),
  ],
  ["from as a Date", { from: hourAgo }, (run) => new Date(run.createdAt) >= hourAgo],
  ["from as a number", { from: hourAgo.getTime() }, (run) => new Date(run.createdAt) >= hourAgo],
  ["machine", { machine: "large-2x" }, (run) => run.taskIdentifier === "transcode-rendition"],
  ["nothing that there is", { taskIdentifier: "no-such-task" }, () => false],
]) {
  await check(`runs.list() by ${what}`, async () => {
    const found = await collected({ to, ...params });
    assert.deepEqual(ids(found), where(isSo));
  });
}
await check("runs.list() by status", async () => {
  const before = await truth();
  const found = ids(await collected({ to, status: "FAILED" }));
  const is = (run) => run.status === "FAILED" && new Date(run.createdAt) <= to;
  const after = new Set(ids((await truth()).runs.filter(is)));
  const settled = before.runs.filter((run) => is(run) && Date.parse(before.now) - Date.parse(run.updatedAt) > 2000);
  assert(found.length > 0 && found.every((id) => after.has(id)));
  assert(settled.every((run) => found.includes(run.id)));
});
await check("runs.list() by several statuses", async () => {
  const asked = ["EXECUTING", "QUEUED", "DELAYED", "CRASHED"];
  const found = await collected({ to, status: asked });
  assert(found.length > 0 && found.every((run) => asked.includes(run.status)));
});
await check("runs.list() by period", async () => {
  const found = await collected({ period: "10m", taskIdentifier: "heartbeat" });
  assert(found.length > 0 && found.every((run) => Date.now() - run.createdAt.getTime() < 610_000));
});
await check("runs.list() by isTest", async () => {
  const tests = await collected({ to, isTest: true });
  const others = await collected({ to, isTest: false });
  assert(tests.every((run) => run.isTest) && others.every((run) => !run.isTest));
  assert.deepEqual(ids([...tests, ...others]), ids(known));
});
await check("runs.list() by a status that is none: 400", async () => {
  const asked = runs.list({ status: "NONSENSE" });
  await assert.rejects(async () => await asked, { status: 400, name: "TriggerApiError", message: "Query Error" });
});

// --- one run

await check("runs.retrieve() of a completed run", async () => {
  const run = await runs.retrieve(completed.id);
  assert(isDate(run.createdAt) && isDate(run.startedAt) && isDate(run.finishedAt));
  assert.equal(run.finishedAt.toISOString(), completed.finishedAt);
  assert(run.isCompleted && run.isSuccess && !run.isFailed);
  assert.deepEqual([run.status, run.attemptCount, run.tags], ["COMPLETED", completed.attemptCount, completed.tags]);
  assert.equal(typeof run.payload.contact, "number");
  assert.equal(typeof run.output.crm, "string");
});
await check("runs.retrieve() of a failed run", async () => {
  const run = await runs.retrieve(broken.id);
  assert.deepEqual([run.status, run.isFailed, run.isSuccess], ["FAILED", true, false]);
  assert(run.error.message && run.error.name && run.error.stackTrace.includes("\n    at "));
});
await check("runs.retrieve() of a child and of its parent", async () => {
  const run = await runs.retrieve(child.id);
  const { root, parent: told } = run.relatedRuns;
  assert.deepEqual([run.depth, told.id, root.id], [child.depth, parent.id, child.root]);
  const above = await runs.retrieve(parent.id);
  assert.deepEqual(ids(above.relatedRuns.children), ids(start.runs.filter((each) => each.parent === parent.id)));
  assert(above.relatedRuns.children.every((each) => isDate(each.createdAt)));
});
await check("runs.retrieve() of an unknown run: 404", async () => {
  await assert.rejects(async () => await runs.retrieve("run_doesnotexist00000000000", ONCE), { status: 404 });
});
await check("the client's retrieveRunTrace() and retrieveSpan()", async () => {
  const client = apiClientManager.clientOrThrow();
  const { trace } = await client.retrieveRunTrace(broken.id);
  assert.equal(trace.rootSpan.data.isError, true);
  recorder.name(trace.rootSpan.id, "span");
  const span = await client.retrieveSpan(broken.id, trace.rootSpan.id);
  assert.equal(span.message, broken.taskIdentifier);
});
await check("batch.retrieve(), and runs.list() by batch", async () => {
  const { batchId } = await runs.retrieve(child.id);
  recorder.name(batchId, "batch");
  const found = await batch.retrieve(batchId);
  assert.equal(found.runCount, found.runs.length);
  assert(isDate(found.createdAt) && found.runs.includes(child.id));
  assert.deepEqual(ids(await collected({ batch: batchId })), [...found.runs].sort());
});

// --- tasks.trigger and what is done to a run

const options = {
  tags: ["sdk", "check:1"],
  delay: "1h",
  ttl: "2h",
  metadata: { step: 1, nested: { list: [1, null, "x"] } },
  idempotencyKey: "sdk-check-1",
  idempotencyKeyTTL: "10m",
  maxAttempts: 2,
  machine: "small-2x",
  queue: "email",
  concurrencyKey: "somebody",
  priority: 3,
};
let delayed;
await check("tasks.trigger() with every option", async () => {
  delayed = await tasks.trigger("heartbeat", { at: new Date(0), big: 10n ** 20n, set: new Set([1]) }, options);
  recorder.name(delayed.id, "delayed");
  const run = await runs.retrieve(delayed.id);
  assert.deepEqual([run.status, run.tags, run.ttl], ["DELAYED", options.tags, "2h"]);
  assert.equal(run.delayedUntil.getTime() - run.createdAt.getTime(), 3_600_000);
  assert.deepEqual(run.metadata, options.metadata);
  assert.deepEqual(run.payload, { at: "1970-01-01T00:00:00.000Z", big: "100000000000000000000", set: [1] });
  assert.equal(run.idempotencyKey, "sdk-check-1");
});
await check("tasks.trigger() with the same idempotency key gives the same run", async () => {
  const again = await tasks.trigger("heartbeat", null, options);
  assert.deepEqual([again.id, again.isCached], [delayed.id, true]);
  const key = await idempotencyKeys.create(["sdk", "check"], { scope: "global" });
  const [one, other] = [
    await tasks.trigger("heartbeat", undefined, { idempotencyKey: key }),
    await tasks.trigger("heartbeat", undefined, { idempotencyKey: key }),
  ];
  assert.equal(one.id, other.id);
  recorder.name(one.id, "keyed");
  assert.equal((await runs.retrieve(one.id)).idempotencyKey, "sdk-check");
});
for (const [what, payload] of [["a text", "text"], ["null", null], ["a number", 7], ["a list", [1, { a: null }]]]) {
  await check(`tasks.trigger() with ${what}`, async () => {
    const { id } = await tasks.trigger("heartbeat", payload, { delay: new Date(Date.now() + 3_600_000) });
    assert.deepEqual((await runs.retrieve(id)).payload, payload);
  }, { isRecorded: false });
}
await check("runs.retrieve() fetches a payload that is too large for the answer", async () => {
  const payload = { rows: Array.from({ length: 6 }, (_, row) => `${row}`.repeat(100_000)) };
  const { id } = await plainly("/api/v1/tasks/heartbeat/trigger", {
    method: "POST",
    headers: { authorization: `Bearer ${process.env.TRIGGER_SECRET_KEY}` },
    body: JSON.stringify({ payload }),
  });
  const run = await runs.retrieve(id);
  assert.match(run.payloadPresignedUrl, /^http/);
  assert.deepEqual(run.payload, payload);
}, { isRecorded: false });
await check("tasks.trigger() with eleven tags: 422", async () => {
  const tags = Array.from({ length: 11 }, (_, n) => `t${n}`);
  await assert.rejects(tasks.trigger("heartbeat", null, { tags }), { status: 422 });
});
await check("runs.reschedule()", async () => {
  const run = await runs.reschedule(delayed.id, { delay: "3h" });
  assert(run.delayedUntil.getTime() - Date.now() > 2.9 * 3_600_000);
});
await check("the client's addTags()", async () => {
  await apiClientManager.clientOrThrow().addTags(delayed.id, { tags: ["later"] });
  assert.deepEqual((await runs.retrieve(delayed.id)).tags, [...options.tags, "later"]);
});
await check("runs.poll()", async () => {
  const handle = await tasks.trigger("heartbeat");
  const run = await runs.poll(handle, { pollIntervalMs: 100 });
  assert(["COMPLETED", "FAILED"].includes(run.status) && isDate(run.finishedAt) && run.attemptCount === 1);
}, { isRecorded: false });
await check("runs.cancel() of an executing run, and of its children", async () => {
  const { id } = await tasks.trigger("generate-report");
  recorder.name(id, "executing");
  const isParent = (run) => run.status !== "QUEUED" && run.relatedRuns.children.length > 0;
  const { relatedRuns } = await until(id, isParent, "children");
  assert.equal((await runs.cancel(id)).id, id);
  const run = await until(id, (each) => each.status === "CANCELED", "canceled");
  assert(run.isCancelled && run.error.message === "Canceled by user" && isDate(run.finishedAt));
  const ends = await Promise.all(relatedRuns.children.map((each) => runs.retrieve(each.id)));
  assert(ends.every((each) => ["CANCELED", "COMPLETED", "FAILED"].includes(each.status)));
  assert.equal((await runs.cancel(completed.id)).id, completed.id);
});
await check("runs.cancel() of an unknown run: 404", async () => {
  await assert.rejects(async () => await runs.cancel("run_doesnotexist00000000000", ONCE), { status: 404 });
});
await check("runs.replay()", async () => {
  const { id } = await runs.replay(completed.id);
  assert.notEqual(id, completed.id);
  const [old, fresh] = [await runs.retrieve(completed.id), await runs.retrieve(recorder.name(id, "replayed"))];
  assert.deepEqual([fresh.payload, fresh.tags, fresh.taskIdentifier], [old.payload, old.tags, old.taskIdentifier]);
});

// --- queues

await check("queues.list(), all pages", async () => {
  const found = [];
  for await (const queue of queues.list({ page: 1, perPage: 10 })) found.push(queue.name);
  assert(found.length > 20 && new Set(found).size === found.length && found.includes("email"));
});
await check("queues.retrieve(), pause(), resume()", async () => {
  const named = { type: "custom", name: "webhooks" };
  const queue = await queues.retrieve(named);
  assert.deepEqual([queue.name, queue.type, queue.concurrencyLimit], ["webhooks", "custom", 6]);
  recorder.name(queue.id, "queue");
  assert.equal((await queues.pause(named)).paused, true);
  assert.equal((await queues.retrieve(queue.id)).paused, true);
  assert.equal((await queues.resume(queue.id)).paused, false);
  assert.equal((await queues.retrieve({ type: "task", name: "crm-sync" })).type, "task");
  await assert.rejects(async () => await queues.retrieve({ type: "custom", name: "no/queue" }, ONCE), { status: 404 });
});

// --- public tokens

await check("the token of tasks.trigger() reads that run, and nothing else", async () => {
  await auth.withAuth({ accessToken: delayed.publicAccessToken }, async () => {
    assert.equal((await runs.retrieve(delayed.id)).id, delayed.id);
    await assert.rejects(async () => await runs.retrieve(completed.id), { status: 403 });
    await assert.rejects(async () => await runs.cancel(delayed.id), { status: 403 });
  });
}, { isRecorded: false });
await check("auth.createPublicToken()", async () => {
  const token = await auth.createPublicToken({ scopes: { read: { runs: true } }, expirationTime: "1h" });
  recorder.token(token);
  await auth.withAuth({ accessToken: token }, async () => {
    assert.equal((await runs.list({ limit: 5 })).data.length, 5);
    assert.equal((await runs.retrieve(broken.id)).id, broken.id);
    await assert.rejects(async () => await runs.cancel(broken.id), { status: 403 });
    await assert.rejects(async () => await queues.list(), { status: 401 });
  });
});
await check("auth.createTriggerPublicToken()", async () => {
  await auth.withAuth({ accessToken: await auth.createTriggerPublicToken("heartbeat") }, async () => {
    assert.match((await tasks.trigger("heartbeat")).id, /^run_/);
    await assert.rejects(tasks.trigger("crm-sync"), { status: 403 });
  });
}, { isRecorded: false });
await check("a wrong key: 401", async () => {
  await auth.withAuth({ accessToken: "tr_dev_nobody" }, async () => {
    await assert.rejects(async () => await runs.list(), { status: 401, message: "Invalid API key" });
  });
}, { isRecorded: false });

// --- query

await check("query.execute()", async () => {
  const { results } = await query.execute("SELECT status, count() AS n FROM runs GROUP BY status ORDER BY n DESC");
  const { count } = await truth();
  const sum = results.reduce((total, row) => total + row.n, 0);
  assert(Math.abs(sum - count) < 50 && results[0].status === "Completed");
  const options_ = { format: "csv", period: "1h" };
  assert.match((await query.execute("SELECT run_id FROM runs LIMIT 3", options_)).results, /^run_id\nrun_/);
});
await check("query.execute() of nonsense: 400", async () => {
  await assert.rejects(query.execute("SELECT nothing FROM runs", undefined, ONCE), { status: 400 });
});

// --- realtime

/** What a subscription tells until that is so, at most for `most_ms`. */
async function followed(subscription, isEnough, most_ms = 20_000) {
  const told = [];
  const late = setTimeout(() => subscription.unsubscribe(), most_ms);
  for await (const run of subscription) {
    told.push(run);
    if (isEnough(told)) break;
  }
  clearTimeout(late);
  subscription.unsubscribe();
  return told;
}
const isFinal = (run) => ["COMPLETED", "FAILED", "CANCELED"].includes(run.status);

/** A check among the small tasks of the recordings, where nothing happens but what is asked for. */
const checkSmall = (name, run) =>
  check(name, () => auth.withAuth({ baseURL: SMALL, accessToken: "tr_dev_emulator" }, run), { isRecorded: false });

await checkSmall("runs.subscribeToRun() tells a run to its end, and its error", async () => {
  const { id } = await tasks.trigger("fail-retry", { order: "ord_1" }, { tags: ["followed", "b c"] });
  const told = await followed(runs.subscribeToRun(id), (runs) => isFinal(runs.at(-1)));
  const last = told.at(-1);
  assert.deepEqual([last.id, last.status, last.tags], [id, "FAILED", ["followed", "b c"]]);
  assert(isDate(last.createdAt) && isDate(last.finishedAt) && last.isFailed && last.durationMs > 0);
  assert.deepEqual(last.payload, { order: "ord_1" });
  assert(last.error.message && last.error.stackTrace.includes("\n    at "));
  assert(told.length > 4 && told.slice(0, -1).every((run) => !isFinal(run) && !run.error));
});
await checkSmall("runs.subscribeToRun() tells metadata and output", async () => {
  const { id } = await tasks.trigger("progress-counter", { steps: 4, ms: 800 });
  const told = await followed(runs.subscribeToRun(id), (runs) => isFinal(runs.at(-1)));
  assert(new Set(told.map((run) => run.metadata?.progress)).size > 2);
  assert.deepEqual([told.at(-1).status, told.at(-1).output], ["COMPLETED", { steps: 4 }]);
});
for (const [what, fault] of [
  ["a must-refetch", { kind: "must-refetch" }],
  ["a closed socket", { kind: "close", times: 1, route: "run-feed" }],
  ["a 503", { kind: "error", status: 503, times: 1, route: "run-feed" }],
  ["a 429", { kind: "realtime-limit", most: 0 }],
  ["a dropped connection", { kind: "drop" }],
]) {
  await checkSmall(`runs.subscribeToRun() goes on after ${what}`, async () => {
    const { id } = await tasks.trigger("progress-counter", { steps: 3, ms: 400 });
    let struck;
    const told = await followed(runs.subscribeToRun(id), (runs) => {
      struck ??= faults_of(SMALL)(fault).then(() => pause(500)).then(() => faults_of(SMALL)());
      return isFinal(runs.at(-1));
    });
    await struck;
    assert.equal(told.at(-1)?.status, "COMPLETED");
  });
}
await check("runs.subscribeToRun() of an ended run gives it and ends", async () => {
  const told = await followed(runs.subscribeToRun(broken.id), () => false);
  assert.deepEqual([told.length, told[0].id, told[0].status], [1, broken.id, "FAILED"]);
  assert(told[0].error.message && told[0].error.stackTrace.includes("\n    at "));
});
await check("runs.subscribeToRun() with skipColumns", async () => {
  const options = { stopOnCompletion: true, skipColumns: ["payload", "output"] };
  const [run] = await followed(runs.subscribeToRun(completed.id, options), () => true);
  assert.deepEqual([run.id, run.payload, run.output], [completed.id, undefined, undefined]);
});
await check("runs.subscribeToRunsWithTag() tells old runs and new ones", async () => {
  const name = `tagged-${Date.now()}`;
  recorder.name(name, "tag_of_now");
  const first = await tasks.trigger("heartbeat", undefined, { tags: [name] });
  const ends = new Map();
  let second;
  const isEnough = (told) => {
    ends.set(told.at(-1).id, told.at(-1).status);
    second ??= tasks.trigger("heartbeat", undefined, { tags: [name, "later"] });
    return ends.size === 2 && [...ends.values()].every((status) => isFinal({ status }));
  };
  await followed(runs.subscribeToRunsWithTag(name, { createdAt: "1h" }), isEnough);
  assert.deepEqual([...ends.keys()].sort(), [first.id, (await second).id].sort());
  assert([...ends.values()].every((status) => isFinal({ status })));
});
await check("runs.subscribeToBatch()", async () => {
  const { batchId } = await runs.retrieve(child.id);
  recorder.name(batchId, "batch");
  const { runs: members } = await batch.retrieve(batchId);
  const told = await followed(runs.subscribeToBatch(batchId), (runs) => runs.length === members.length);
  assert.deepEqual(ids(told), [...members].sort());
});
await check("a public token of a tag follows that tag, and no other", async () => {
  const token = await auth.createPublicToken({ scopes: { read: { tags: [tag] } } });
  await auth.withAuth({ accessToken: token }, async () => {
    const [run] = await followed(runs.subscribeToRunsWithTag(tag), () => true);
    assert(run.tags.includes(tag));
    const asked = await fetch(`${API}/realtime/v1/runs?tags=another`, { headers: { authorization: `Bearer ${token}` } });
    assert.equal(asked.status, 403);
  });
}, { isRecorded: false });
// --- retries

for (const [what, fault] of [
  ["a 500", { kind: "error", status: 500, times: 2 }],
  ["a 503 of a proxy", { kind: "error", status: 503, times: 2 }],
  ["a closed socket", { kind: "close", times: 1 }],
]) {
  await check(`the SDK asks again after ${what}`, async () => {
    await faults({ ...fault, route: "detail" });
    assert.equal((await runs.retrieve(completed.id, SOON)).id, completed.id);
    await faults();
  }, { isRecorded: false });
}
await check("the SDK takes an answer that is cut short for a wrong one, and does not ask again", async () => {
  await faults({ kind: "cut", times: 1, route: "detail" });
  await assert.rejects(async () => await runs.retrieve(completed.id, SOON), { status: 200, name: "TriggerApiError" });
  await faults();
}, { isRecorded: false });
await check("the SDK gives up on a 500 that stays", async () => {
  await faults({ kind: "error", status: 500, route: "list" });
  await assert.rejects(async () => await runs.list({}, SOON), { status: 500 });
  await faults();
}, { isRecorded: false });
await check("the SDK waits for the refill after a 429", async () => {
  await faults({ kind: "rate-limit", most: 1, refill: 1 });
  await runs.retrieve(completed.id, SOON);
  await assert.rejects(async () => await runs.retrieve(completed.id, ONCE), { status: 429 });
  const asked = Date.now();
  await runs.retrieve(completed.id, SOON);
  assert(Date.now() - asked > 1000, "it waited");
  await faults();
}, { isRecorded: false });
await check("a trigger whose answer is lost makes one run", async () => {
  await faults({ kind: "lost-answer", route: "trigger", times: 1 });
  const { id } = await tasks.trigger("crm-sync", undefined, { tags: "lost", delay: "1h" }, SOON);
  await faults();
  const made = (await truth()).runs.filter((run) => run.tags.includes("lost"));
  assert.deepEqual(ids(made), [id]);
}, { isRecorded: false });

await faults();
if (process.env.SDK_REQUESTS && !failed) {
  const { version: sdk } = JSON.parse(readFileSync("node_modules/@trigger.dev/sdk/package.json"));
  writeFileSync(process.env.SDK_REQUESTS, recorder.text(sdk));
}
console.log(failed ? `${failed} failed` : "all checks passed");
process.exit(failed ? 1 : 0);
