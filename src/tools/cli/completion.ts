/** pcsc-bridge completion SHELL: the commands and options as a shell's completion has them. */
import { Argument, Command, type Option } from 'commander';
import { write } from './output.js';

interface Place {
  /** The words that lead there: `piv sign`; '' for the program itself. */
  words: string;
  offers: string[];
}

/** @param program Whose commands are offered: all those that it has when the script is made. */
export function completionCommand(program: Command): Command {
  return new Command('completion')
    .description('print a completion script for a shell')
    .addArgument(new Argument('<shell>').choices(['bash', 'zsh', 'fish']))
    .addHelpText(
      'after',
      '\n  pcsc-bridge completion bash > ~/.local/share/bash-completion/completions/pcsc-bridge',
    )
    .action((shell: 'bash' | 'zsh' | 'fish') => {
      const places = placesOf(program, []);
      write(process.stdout, shell === 'fish' ? fish(program) : bash(places, shell === 'zsh'));
    });
}

function placesOf(command: Command, words: readonly string[]): Place[] {
  const options = [...command.options.flatMap(longOf), '--help'];
  const offers = [...command.commands.map((sub) => sub.name()), ...options];
  return [
    { words: words.join(' '), offers },
    ...command.commands.flatMap((sub) => placesOf(sub, [...words, sub.name()])),
  ];
}

function longOf({ long }: Option): string[] {
  return long ? [long] : [];
}

function bash(places: readonly Place[], zsh: boolean): string {
  const cases = places.map(({ words, offers }) => `    '${words}') offers='${offers.join(' ')}' ;;`);
  const known = places.map(({ words }) => `'${words}'`).join('|');
  return `${zsh ? '#compdef pcsc-bridge\nautoload -U +X bashcompinit && bashcompinit\n' : ''}# pcsc-bridge completion
_pcsc_bridge() {
  local place='' word offers=''
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "\${place:+$place }$word" in ${known}) place="\${place:+$place }$word" ;; esac
  done
  case "$place" in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$offers" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _pcsc_bridge pcsc-bridge
`;
}

function fish(program: Command): string {
  const lines = ['# pcsc-bridge completion', 'complete -c pcsc-bridge -e'];
  const add = (command: Command, words: readonly string[]) => {
    const here = words.length === 0 ? '__fish_use_subcommand' : words.map(seen).join('; and ');
    for (const sub of command.commands) {
      lines.push(`complete -c pcsc-bridge -n '${here}' -a ${sub.name()} -d '${quoted(sub.description())}'`);
      add(sub, [...words, sub.name()]);
    }
    for (const option of command.options) {
      const long = option.long?.slice(2);
      if (long)
        lines.push(`complete -c pcsc-bridge -n '${here}' -l ${long} -d '${quoted(option.description)}'`);
    }
  };
  add(program, []);
  return `${lines.join('\n')}\n`;
}

function seen(word: string): string {
  return `__fish_seen_subcommand_from ${word}`;
}

function quoted(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll("'", "\\'");
}
