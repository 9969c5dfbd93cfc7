// Compiles contracts/Anchor.sol; the settings are the ones the committed bytecode was made with.
const fs = require("node:fs");
const path = require("node:path");
const solc = require("solc");

const settings = {
  evmVersion: "paris",
  metadata: { bytecodeHash: "none" },
  optimizer: { enabled: true, runs: 200 },
};
const file = path.join(__dirname, "..", "..", "contracts", "Anchor.sol");
const input = {
  language: "Solidity",
  sources: { "Anchor.sol": { content: fs.readFileSync(file, "utf8") } },
  settings: { ...settings, outputSelection: { "*": { "*": ["abi", "evm.bytecode.object"] } } },
};
const output = JSON.parse(solc.compile(JSON.stringify(input)));
if (output.errors?.length) {
  console.error(JSON.stringify(output.errors, null, 1));
  process.exit(1);
}
const { abi, evm } = output.contracts["Anchor.sol"].Anchor;
const made = { abi, bytecode: evm.bytecode.object, compiler: solc.version(), settings };
process.stdout.write(JSON.stringify(made, null, 1) + "\n");
