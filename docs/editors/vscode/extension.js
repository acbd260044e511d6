// Starts `gdl lsp`, which knows the language, and connects it with the editor.
"use strict";

const vscode = require("vscode");

let client;

async function activate() {
  const command = vscode.workspace.getConfiguration("gdl").get("path", "gdl");
  try {
    const { LanguageClient } = require("vscode-languageclient/node");
    // Without a `transport` messages go over standard input and output; naming it would add `--stdio` to the arguments.
    const server = { command, args: ["lsp"] };
    client = new LanguageClient("gdl", "GDL", server, { documentSelector: [{ language: "gdl" }] });
    await client.start();
  } catch (error) {
    client = undefined;
    vscode.window.showErrorMessage(
      `GDL: the language server (${command} lsp) does not start: ${error?.message ?? error}. ` +
        "Colours work without it; the extension's README says how to install it."
    );
  }
}

async function deactivate() {
  await client?.stop();
}

module.exports = { activate, deactivate };
