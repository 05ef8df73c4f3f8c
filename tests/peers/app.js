// The stacks of a folder that trailkey wrote, as an app of the AWS CDK: every resource a construct of the CDK's own type.
// Run: cdk synth --app 'node app.js FOLDER', where FOLDER was written with --format json.
"use strict";

const { readFileSync } = require("node:fs");
const { join } = require("node:path");
const { App, LegacyStackSynthesizer, Stack } = require("aws-cdk-lib");
const { CfnInclude } = require("aws-cdk-lib/cloudformation-include");

const folder = process.argv[2];
const { stacks } = JSON.parse(readFileSync(join(folder, "rollout.json"), "utf8"));
const app = new App({ analyticsReporting: false });
for (const { stack: name, template } of stacks) {
  // No bootstrap version among the Parameters: the templates are to be the same ones.
  const stack = new Stack(app, name, { synthesizer: new LegacyStackSynthesizer() });
  new CfnInclude(stack, "Template", { templateFile: join(folder, template) });
}
