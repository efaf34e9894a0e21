// Run by the database's health check: makes the replica set on the first start, then answers whether this member serves.
// NUANLIU_MONGO_MEMBERS: host:port of each, with commas; absent, this one alone. The first of several makes the set; the
// others know no administrator and are unhealthy until it has.
const password = require("fs").readFileSync("/run/secrets/mongo_admin", "utf8").trim();
const members = (process.env.NUANLIU_MONGO_MEMBERS || "mongo:27017").split(",");
db.getSiblingDB("admin").auth("admin", password);
try {
  rs.status();
} catch (refused) {
  if (refused.codeName !== "NotYetInitialized") throw refused;
  rs.initiate({ _id: "nuanliu", members: members.map((host, place) => ({ _id: place, host })) });
}
const hello = db.hello();
if (!hello.isWritablePrimary && !hello.secondary) quit(1);
