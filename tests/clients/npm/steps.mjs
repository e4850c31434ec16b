// What the scripts for Node have in common: the steps, each with its outcome.
export const given = JSON.parse(process.env.CLIENT);
const outcomes = {};

export async function step(name, run) {
  try {
    const result = await run();
    outcomes[name] = "ok";
    return result;
  } catch (error) {
    outcomes[name] = `${error.name}: ${error.message}`;
    console.error(name, error);
  }
}

export function end() {
  console.log(JSON.stringify(outcomes));
  process.exit(0);
}
