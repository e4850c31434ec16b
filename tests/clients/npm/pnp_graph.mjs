// The steps of a user of @pnp/graph.
import assert from "node:assert";
import { GraphDefault } from "@pnp/nodejs";
import { graphfi } from "@pnp/graph";
import "@pnp/graph/files/index.js";
import "@pnp/graph/sites/index.js";
import { end, given, step } from "./steps.mjs";

const graph = graphfi().using(
  GraphDefault({ baseUrl: `${given.url}/v1.0`, msal: undefined }),
  (instance) => {
    instance.on.auth.replace(async (url, init) => {
      init.headers = { ...init.headers, Authorization: `Bearer ${given.token}` };
      return [url, init];
    });
    return instance;
  },
);
const drive = graph.drives.getById(given.legal);

await step("read a drive", async () => {
  assert.equal((await drive()).driveType, "documentLibrary");
});
const inbox = await step("create a folder", () =>
  drive.root.children.addFolder({ name: "Inbox", conflictBehavior: "fail" }));
const folder = drive.getItemById(inbox.id);
const small = await step("upload a small file", () =>
  folder.upload({ content: "small", filePathName: "small.txt", contentType: "text/plain", conflictBehavior: "fail" }));
const item = drive.getItemById(small.id);
await step("list a folder with options", async () => {
  const children = await folder.children.select("id", "name").orderBy("name").top(5)();
  assert.deepEqual(children.map((child) => child.name), ["small.txt"]);
});
await step("find an item by its path", async () => {
  assert.equal((await drive.getItemByPath("Inbox/small.txt")()).id, small.id);
});
await step("download a file", async () => {
  assert.equal(await (await item.getContent()).text(), "small");
});
await step("copy a file", async () => {
  const url = await item.copyItem({ parentReference: { driveId: given.archive, id: given.archive_root }, name: "copy.txt" });
  assert.equal((await (await fetch(url)).json()).status, "completed");
});
await step("move a file", async () => {
  const root = await drive.root();
  const moved = await item.moveItem({ parentReference: { driveId: given.legal, id: root.id }, name: "moved.txt" });
  assert.equal(moved.name, "moved.txt");
});
await step("list changes", async () => {
  const changes = await drive.root.delta()();
  assert.ok(changes.values.some((changed) => changed.name === "moved.txt"));
});
await step("search", async () => {
  assert.deepEqual((await drive.root.search("moved")()).map((found) => found.name), ["moved.txt"]);
});
await step("check out and in", async () => {
  await item.checkOut();
  await item.checkIn({ comment: "Done." });
});
await step("set and remove a retention label", async () => {
  assert.equal((await item.updateRetentionLabel("Review")).name, "Review");
  assert.equal((await item.retentionLabel()()).name, "Review");
  await item.removeRetentionLabel();
});
await step("delete a file", () => item.delete());
end();
