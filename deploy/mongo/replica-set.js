// Run by the database's health check: makes the replica set on the first start, then answers whether it has a primary.
const password = require("fs").readFileSync("/run/secrets/mongo_admin", "utf8").trim();
db.getSiblingDB("admin").auth("admin", password);
try {
  rs.status();
} catch (refused) {
  if (refused.codeName !== "NotYetInitialized") throw refused;
  rs.initiate({ _id: "nuanliu", members: [{ _id: 0, host: "mongo:27017" }] });
}
if (!db.hello().isWritablePrimary) quit(1);
