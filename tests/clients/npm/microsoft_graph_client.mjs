// The steps of a user of @microsoft/microsoft-graph-client.
import assert from "node:assert";
import {
  BatchRequestContent, BatchResponseContent, Client, LargeFileUploadTask, PageIterator, StreamUpload,
} from "@microsoft/microsoft-graph-client";
import { Readable } from "node:stream";
import { end, given, step } from "./steps.mjs";

const client = Client.init({
  baseUrl: `${given.url}/`,
  customHosts: new Set(["localhost"]),
  authProvider: (done) => done(null, given.token),
});
const drive = `/drives/${given.legal}`;

await step("read a drive", async () => {
  assert.equal((await client.api(drive).get()).driveType, "documentLibrary");
});
const inbox = await step("create a folder", () =>
  client.api(`${drive}/root/children`).post({
    name: "Inbox", folder: {}, "@microsoft.graph.conflictBehavior": "fail",
  }));
const small = await step("upload a small file", () =>
  client.api(`${drive}/root:/Inbox/small.txt:/content`).put("small"));
await step("upload a large file in a session", async () => {
  const size = 5 << 20;
  const session = await LargeFileUploadTask.createUploadSession(
    client, `${drive}/root:/Inbox/large.bin:/createUploadSession`, { item: { name: "large.bin" } });
  const file = new StreamUpload(Readable.from([Buffer.alloc(size)], { objectMode: false }), "large.bin", size);
  const task = new LargeFileUploadTask(client, file, session, { rangeSize: 320 * 1024 * 10 });
  assert.equal((await task.upload()).responseBody.size, size);
});
await step("list a folder with options", async () => {
  const page = await client.api(`${drive}/items/${inbox.id}/children`)
    .select(["id", "name"]).orderby("name desc").top(1).get();
  assert.deepEqual(page.value.map((item) => item.name), ["small.txt"]);
});
await step("iterate over the pages of a list", async () => {
  const names = [];
  const page = await client.api(`${drive}/items/${inbox.id}/children`).top(1).get();
  await new PageIterator(client, page, (item) => names.push(item.name) > 0).iterate();
  assert.deepEqual(names, ["large.bin", "small.txt"]);
});
await step("download a file", async () => {
  const response = await fetch(
    (await client.api(`${drive}/items/${small.id}`).get())["@microsoft.graph.downloadUrl"]);
  assert.equal(await response.text(), "small");
});
await step("copy a file, and wait for the monitor", async () => {
  const response = await client.api(`${drive}/items/${small.id}/copy`)
    .responseType("raw").post({ parentReference: { driveId: given.archive, id: given.archive_root } });
  const status = await (await fetch(response.headers.get("Location"))).json();
  assert.equal(status.status, "completed");
});
await step("move a file with If-Match", async () => {
  const root = await client.api(`${drive}/root`).get();
  const item = await client.api(`${drive}/items/${small.id}`).get();
  const moved = await client.api(`${drive}/items/${small.id}`).header("If-Match", item.eTag)
    .patch({ name: "moved.txt", parentReference: { id: root.id } });
  assert.equal(moved.name, "moved.txt");
});
await step("list changes", async () => {
  const changes = await client.api(`${drive}/root/delta`).get();
  assert.ok(changes.value.some((item) => item.name === "moved.txt"));
  assert.ok(changes["@odata.deltaLink"]);
});
await step("search", async () => {
  const found = await client.api(`${drive}/root/search(q='moved')`).get();
  assert.deepEqual(found.value.map((item) => item.name), ["moved.txt"]);
});
await step("batch", async () => {
  const content = new BatchRequestContent([
    { id: "1", request: new Request(`${given.url}${drive}/root`) },
    { id: "2", request: new Request(`${given.url}${drive}/items/${small.id}`) },
  ]);
  const answer = await client.api("/$batch").post(await content.getContent());
  const responses = new BatchResponseContent(answer);
  assert.equal((await responses.getResponseById("2").json()).name, "moved.txt");
});
await step("create a link", async () => {
  const body = { type: "view", scope: "organization" };
  assert.ok((await client.api(`${drive}/items/${small.id}/createLink`).post(body)).link.webUrl);
});
await step("delete a file", () => client.api(`${drive}/items/${small.id}`).delete());
await step("a missing item is a GraphError", async () => {
  await assert.rejects(client.api(`${drive}/items/${small.id}`).get(), { code: "itemNotFound", statusCode: 404 });
});
end();
