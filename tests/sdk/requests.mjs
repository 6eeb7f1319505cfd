// What the official SDK sends, written down for tests that have no Node: tests/emulator/sdk_requests.json.
//
// What lives here: watching `fetch`, and the shapes that the SDK demands of the answers. Ids and times are replaced by
// names in braces, so that another world can put its own there.
import * as schemas from "@trigger.dev/core/v3/schemas";
import { z } from "zod/v4";

const HEADERS = ["content-type", "x-trigger-api-version", "x-trigger-source"];

const FEED_HEADERS = ["x-trigger-api-version", "x-trigger-electric-version"];

const page = (item, pagination) => ({
  type: "object",
  properties: { data: { type: "array", items: item }, pagination },
  required: ["data", "pagination"],
});

/** The JSON Schema of what a client may be sent; dates are texts there. */
function shapeOf(schema) {
  const shape = z.toJSONSchema(schema, {
    io: "input",
    unrepresentable: "any",
    override({ zodSchema, jsonSchema }) {
      if (zodSchema._zod.def.type === "date") Object.assign(jsonSchema, { type: "string", format: "date-time" });
    },
  });
  delete shape.$schema;
  return shape;
}

/** A queue tells no version on servers of today; the SDK takes it for the first one. */
function queueShape() {
  const { version, ...properties } = shapeOf(schemas.QueueItem).oneOf[0].properties;
  return { type: "object", properties, required: Object.keys(properties).filter((name) => name !== "concurrency") };
}

/** Rows whose values are texts, by what the SDK makes of them; and what says that they are all. */
function feedShape() {
  const { properties, required } = shapeOf(schemas.SubscribeRunRawShape);
  const text = { type: ["string", "null"] };
  const value = {
    type: "object",
    properties: Object.fromEntries(Object.keys(properties).map((name) => [name, text])),
    required: required.filter((name) => !["number"].includes(name)),
  };
  const headers = (name, values) => ({ type: "object", properties: { [name]: { enum: values } }, required: [name] });
  const row = {
    type: "object",
    properties: { key: { type: "string" }, value, headers: headers("operation", ["insert", "update", "delete"]) },
    required: ["key", "value", "headers"],
  };
  const control = {
    type: "object",
    properties: { headers: headers("control", ["up-to-date", "must-refetch"]) },
    required: ["headers"],
  };
  return { type: "array", items: { anyOf: [row, control] } };
}

const numbers = (...names) => ({
  type: "object",
  properties: Object.fromEntries(names.map((name) => [name, { type: "number" }])),
  required: names,
});

const SHAPES = {
  list: shapeOf(schemas.ListRunResponse),
  run: shapeOf(schemas.RetrieveRunResponse),
  trace: shapeOf(schemas.RetrieveRunTraceResponseBody),
  span: shapeOf(schemas.RetrieveSpanDetailResponseBody),
  trigger: shapeOf(schemas.TriggerTaskResponse),
  cancel: shapeOf(schemas.CanceledRunResponse),
  replay: shapeOf(schemas.ReplayRunResponse),
  tags: { type: "object", properties: { message: { type: "string" } }, required: ["message"] },
  queue: queueShape(),
  queues: page(queueShape(), numbers("currentPage", "totalPages", "count")),
  batch: shapeOf(schemas.RetrieveBatchV2Response),
  query: shapeOf(schemas.QueryExecuteResponseBody),
  feed: feedShape(),
  claims: { type: "object" },
};

/** Which of them answers a path. */
const ANSWERS = [
  [/\/realtime\/v1\//, "feed"],
  [/\/api\/v1\/runs$/, "list"],
  [/\/api\/v3\/runs\/[^/]+$|\/reschedule$/, "run"],
  [/\/trace$/, "trace"],
  [/\/spans\/[^/]+$/, "span"],
  [/\/trigger$/, "trigger"],
  [/\/cancel$/, "cancel"],
  [/\/replay$/, "replay"],
  [/\/tags$/, "tags"],
  [/\/queues$/, "queues"],
  [/\/queues\/.+$/, "queue"],
  [/\/batches\/[^/]+$/, "batch"],
  [/\/query$/, "query"],
  [/\/claims$/, "claims"],
];

export class Recorder {
  /** What to call the requests of now; "" records none. */
  call = "";
  #requests = new Map();
  #names = new Map();
  #headers = {};
  #token = "";

  constructor() {
    const ask = globalThis.fetch;
    globalThis.fetch = async (input, init) => {
      const response = await ask(input, init);
      if (this.call) this.#note(new Request(input, init), init?.body ?? null, response.status);
      return response;
    };
  }

  /** Call this id, time or cursor so from now on. */
  name(value, name) {
    this.#names.set(value, `{${name}}`);
    return value;
  }

  /** A token that the SDK has signed, to be checked as it is. */
  token(token) {
    this.#token = token;
  }

  #named(text) {
    for (const [value, name] of this.#names) text = text.replaceAll(value, name);
    return text;
  }

  #note(request, body, status) {
    const url = new URL(request.url);
    const path = this.#named(url.pathname);
    const answer = ANSWERS.find(([pattern]) => pattern.test(url.pathname))?.[1];
    const query = Object.fromEntries([...url.searchParams].map(([name, value]) => [name, this.#named(value)]));
    const is_public = !request.headers.get("authorization").startsWith("Bearer tr_");
    const said = { method: request.method, path, query, body: body && JSON.parse(this.#named(body)), status };
    // Of what has ids that nobody named there is a like request already: a page further on, another child.
    // What a subscription asks after its first answer depends on that.
    if (url.searchParams.has("handle")) return;
    if (!answer || /"eyJ|run_c/.test(JSON.stringify(said))) return;
    const key = JSON.stringify([this.call, is_public, said]);
    const headers = Object.fromEntries(FEED_HEADERS.map((name) => [name, request.headers.get(name)]));
    const is_feed = answer === "feed";
    this.#requests.set(key, { call: this.call, ...(is_public && { is_public }), ...said, ...(is_feed && { headers }), answer });
    if (is_feed) return;
    for (const name of HEADERS) this.#headers[name] = request.headers.get(name);
  }

  /** Everything, as the text of a JSON file with a request a line. */
  text(version) {
    const line = (value) => JSON.stringify(value);
    const shapes = Object.entries(SHAPES).map(([name, shape]) => `    ${line(name)}: ${line(shape)}`);
    const requests = [...this.#requests.values()].map((request) => `    ${line(request)}`);
    return [
      "{",
      `  "sdk": ${line(version)},`,
      `  "headers": ${line(this.#headers)},`,
      `  "token": ${line(this.#token)},`,
      `  "requests": [\n${requests.join(",\n")}\n  ],`,
      `  "shapes": {\n${shapes.join(",\n")}\n  }`,
      "}",
      "",
    ].join("\n");
  }
}
