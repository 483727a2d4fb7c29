import { Command, CommanderError } from 'commander';
import { version } from '../app/version.ts';
import { createContext } from './context.ts';
import { EXIT } from './exit-codes.ts';
import { isUsageError, reportError } from './report.ts';
import { VERBS } from './verbs.ts';

/** Runs one command line, without the program's own name; resolves to the exit code (docs/cli.md). Never rejects. */
export async function main(argv: readonly string[]): Promise<number> {
  outliveTheReader();
  const program = new Command('realmward');
  try {
    const context = createContext(program, process.env);
    program
      .description('A Kerberos realm for fleets of devices.')
      .version(version(), '--version', 'print the version')
      .helpOption('--help', 'explain the command')
      .option('--config <file>', 'the configuration; else $REALMWARD_CONFIG, else /etc/realmward/realm.yaml')
      .option('--json', 'print JSON for scripts')
      .option('--debug', 'print the stack of an error')
      .showSuggestionAfterError()
      .exitOverride()
      .configureOutput({ writeErr: () => {}, outputError: () => {} })
      .configureHelp({ showGlobalOptions: true })
      .addHelpText('after', `\n${exitCodes()}`);
    const used = argv.find(
      (word, i) => VERBS.some(({ name }) => name === word) && argv[i - 1] !== '--config',
    );
    for (const { name, summary, load } of VERBS) {
      const command = program.command(name).description(summary);
      if (name === used) (await load()).define(command, context);
    }
    if (argv.length === 0) {
      process.stdout.write(program.helpInformation());
      return EXIT.usage.code;
    }
    await program.parseAsync(argv, { from: 'user' });
    return context.exitCode;
  } catch (error) {
    if (error instanceof CommanderError && !isUsageError(error)) return EXIT.ok.code;
    return reportError(error, { debug: program.opts<{ debug?: boolean }>().debug === true });
  }
}

/** `realmward … | head`: nobody reads any more, which is no error, and no reason for a server to end. */
function outliveTheReader(): void {
  if (process.stdout.listenerCount('error') > 0) return;
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

function exitCodes(): string {
  const lines = Object.values(EXIT).map(({ code, meaning }) => `  ${code}  ${meaning}`);
  return `Exit codes:\n${lines.join('\n')}`;
}
