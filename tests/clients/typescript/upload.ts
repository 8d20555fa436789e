// Uploads a photo with a client that is generated from /openapi.json, and prints the emotion of each face.
import { readFile } from "node:fs/promises";
import createClient from "openapi-fetch";
import type { components, operations, paths } from "./api.js";

type Job = components["schemas"]["Job"];
type Options = NonNullable<operations["createJob"]["parameters"]["query"]>;

const [baseUrl, key, path] = process.argv.slice(2);
if (baseUrl === undefined || key === undefined || path === undefined) throw new Error("give URL, key and photo");

const client = createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${key}` } });
const photo = new Blob([await readFile(path)]);
const query: Options = { priority: "interactive" };

const { data, error } = await client.POST("/v1/jobs", {
  params: { query, header: { Prefer: "wait=20" } },
  body: { image: "" },
  bodySerializer: () => {
    const form = new FormData();
    form.append("image", photo, "photo.png");
    return form;
  },
});
if (error !== undefined) throw new Error(`${error.code}: ${error.detail}`);

const { data: read } = await client.GET("/v1/jobs/{job_id}", { params: { path: { job_id: data.id } } });
const job: Job | undefined = read;
console.log(JSON.stringify({ status: job?.status, emotions: job?.faces?.map((face) => face.emotion) }));

// what a receiver of webhooks would be given
export type Event = components["schemas"]["JobEventData"];
