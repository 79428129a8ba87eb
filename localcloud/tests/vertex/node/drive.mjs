// Drives the stand-in with the official Node client: `node drive.mjs MODULES URL SCENARIO` with the scenario's
// arguments as JSON on standard input. Prints what the client gave, or the error it threw, as one JSON value.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const [modules, baseUrl, scenario] = process.argv.slice(2);
const require = createRequire(`${modules}/`); // the modules lie in a cache folder, not beside this file
const { GoogleGenAI } = require("@google/genai");
const { OAuth2Client } = require("google-auth-library");

const authClient = new OAuth2Client();
authClient.setCredentials({ access_token: "fake", expiry_date: Date.now() + 3_600_000 });
const client = new GoogleGenAI({
  vertexai: true,
  project: "any-project",
  location: "us-central1",
  googleAuthOptions: { authClient },
  httpOptions: { baseUrl, timeout: 60_000 },
});

const finished = async (operation) => {
  while (!operation.done) {
    await new Promise((wake) => setTimeout(wake, 50)); // polling is what the client's users do
    operation = await client.operations.getVideosOperation({ operation });
  }
  return operation;
};

const scenarios = {
  text: ({ model, contents, config }) =>
    client.models.generateContent({ model, contents, config }).then((answer) => ({
      text: answer.text,
      usage: answer.usageMetadata,
      finishReason: answer.candidates?.[0]?.finishReason,
      blockReason: answer.promptFeedback?.blockReason,
    })),
  stream: async ({ model, contents }) => {
    const pieces = [];
    for await (const piece of await client.models.generateContentStream({ model, contents })) pieces.push(piece.text);
    return pieces;
  },
  picture: ({ model, contents, config }) =>
    client.models
      .generateContent({ model, contents, config })
      .then((answer) => answer.candidates[0].content.parts.filter((part) => part.inlineData && !part.thought))
      .then((parts) => parts.map((part) => part.inlineData.data)),
  count: ({ model, contents }) => client.models.countTokens({ model, contents }),
  submit: ({ model, source, config }) =>
    client.models.generateVideos({ model, source, config }).then(({ name }) => ({ name })),
  film: async ({ model, source, config }) => {
    const { name, done, error, response } = await finished(await client.models.generateVideos({ model, source, config }));
    const { generatedVideos, raiMediaFilteredReasons } = response ?? {};
    return { name, done, error, videos: generatedVideos?.map(({ video }) => video), raiMediaFilteredReasons };
  },
};

try {
  const given = JSON.parse(readFileSync(0, "utf8"));
  process.stdout.write(JSON.stringify({ result: await scenarios[scenario](given) }));
} catch (error) {
  const { name, status, message } = error;
  process.stdout.write(JSON.stringify({ error: { name, status, message, cause: error.cause?.code } }));
}
