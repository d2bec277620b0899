# SPDX-License-Identifier: MIT
# fish completion for nv-run. tests/docs compares its options with nv-run --help.

# Prints PROGRAM and what follows it, and returns 1 if the cursor is still before it.
function __nv_run_rest
    set -l tokens (commandline -opc) (commandline -ct)
    set -e tokens[1]
    argparse -s g/gpu= e/env=+ u/unset=+ o/option=+ id=+ n/dry-run x/explain json list check \
        undo rules=+ no-rules strict q/quiet v/verbose sysroot= complete= version help \
        -- $tokens 2>/dev/null
    or return 1
    set -q argv[1]
    or return 1
    if string match -qr '^-' -- $argv[1]
        return 1
    end
    string join0 -- $argv
end

function __nv_run_in_options
    not __nv_run_rest >/dev/null
end

function __nv_run_checks
    contains -- --check (commandline -opc)
end

function __nv_run_program
    set -l words (__nv_run_rest | string split0)
    __fish_complete_subcommand --commandline $words
end

function __nv_run_ask
    set -l tokens (commandline -o)
    $tokens[1] --complete=$argv[1] 2>/dev/null
end

# A rule's line for -o: KEY=VALUE; a key that ends in a dot takes a variable's name.
function __nv_run_lines
    __nv_run_ask keys | string replace -r '^([^\t]*[^.\t])\t' '$1=\t'
    for key in set. default. prepend. append.
        string replace -r '^(.*)$' "$key\$1=" -- (set -nx)
    end
    __nv_run_ask gpus | string replace -r '^' 'gpu='
end

set -l here -c nv-run -n __nv_run_in_options
complete $here -x -s g -l gpu -a '(__nv_run_ask gpus)' -d 'choose the GPU for this run'
complete $here -x -s e -l env -a '(set -nx)=' -d 'set a variable'
complete $here -x -s u -l unset -a '(set -nx)' -d 'remove a variable'
complete $here -x -s o -l option -a '(__nv_run_lines)' -d 'a rule\'s line for this run'
complete $here -x -l id -a 'desktop: flatpak: steam:' -d 'what PROGRAM is, for rules'
complete $here -s n -l dry-run -d 'print the changes and the final command'
complete $here -s x -l explain -d 'say who decided what, and why this GPU'
complete $here -l json -d 'answer as one JSON document'
complete $here -l list -d 'list the GPUs'
complete $here -l check -d 'check rule files'
complete $here -l undo -d 'start PROGRAM with the environment from before nv-run'
complete $here -r -l rules -d 'use only this rule file or directory'
complete $here -l no-rules -d 'use no rules'
complete $here -l strict -d 'fail where there would be a warning'
complete $here -s q -l quiet -d 'no warnings'
complete $here -s v -l verbose -d 'say what is changed'
complete $here -x -l sysroot -a '(__fish_complete_directories)' -d 'look at a recorded machine'
complete $here -x -l complete -a 'gpus keys' -d 'print gpus or keys'
complete $here -l version -d 'print the version'
complete $here -l help -d 'print this help'

# PROGRAM, and then whatever PROGRAM completes.
complete -c nv-run -x -n 'not __nv_run_checks; and __nv_run_in_options' -a '(__fish_complete_command)'
complete -c nv-run -x -n 'not __nv_run_checks; and not __nv_run_in_options' -a '(__nv_run_program)'
complete -c nv-run -F -n __nv_run_checks
