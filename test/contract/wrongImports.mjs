/** Lints each of some texts as if it stood in a file of the project; prints the messages of the arrows, as JSON. */
import { readFileSync } from "node:fs";
import { ESLint } from "eslint";

const cases = JSON.parse(readFileSync(0, "utf8"));
const eslint = new ESLint();
const messages = [];
for (const { file, text } of cases) {
  const [result] = await eslint.lintText(text, { filePath: file });
  messages.push(
    result.messages.filter(({ ruleId }) => ruleId === "house/arrows").map(({ message }) => message),
  );
}
console.log(JSON.stringify(messages));
