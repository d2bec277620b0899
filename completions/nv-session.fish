# SPDX-License-Identifier: MIT
# fish completion for nv-session. tests/docs compares it with nv-session itself.

# The words before the cursor that are no options: the command, and what stands behind it.
function __nv_session_words
    set -l tokens (commandline -opc)
    set -e tokens[1]
    argparse -i mode= layout= timeout= gpu= api= display= sysroot= config= \
        -- $tokens 2>/dev/null
    set -q argv[1]
    and string match -v -- '-*' $argv
end

# Whether one of these commands is given; or none is, as options may stand before it.
function __nv_session_takes
    set -l words (__nv_session_words)
    not set -q words[1]
    or contains -- $words[1] $argv
end

# __nv_session_at -ge 1 hook: whether there are so many words, and the first is that one.
function __nv_session_at
    set -l words (__nv_session_words)
    test (count $words) $argv[1..2]
    and test "$words[1]" = "$argv[3]"
end

function __nv_session_rest
    contains -- -- (commandline -opc)
end

complete -c nv-session -f

set -l first -c nv-session -n '__nv_session_at -eq 0'
complete $first -a status -d 'what renders, what drives each output, what is wrong'
complete $first -a providers -d 'the GPUs as the X server knows them'
complete $first -a plan -d 'what setup would do, as xrandr commands'
complete $first -a setup -d 'set the mode up'
complete $first -a publish -d 'write the session file that nv-run reads'
complete $first -a reset -d 'undo what setup did in this server'
complete $first -a renderer -d 'ask the drivers who renders'
complete $first -a watch -d 'keep the mode while GPUs and outputs change'
complete $first -a hook -d 'display-manager hooks'
complete $first -a xorg-conf -d 'the X server\'s configuration for a mode'
complete -c nv-session -n '__nv_session_at -eq 1 hook' -a 'install remove check'
complete -c nv-session -n '__nv_session_at -ge 2 hook' -a 'lightdm sddm gdm xdm lxdm startx'
complete -c nv-session -n '__nv_session_at -ge 1 renderer; and __nv_session_rest' -a '(set -nx)='

set -l any -c nv-session
complete $any -n '__nv_session_takes plan setup watch xorg-conf' -x -l mode \
    -a 'auto offload sync reverse-sync none' -d 'the mode'
complete $any -n '__nv_session_takes plan setup watch' -x -l layout \
    -a 'right-of left-of above below mirror' -d 'where new outputs go'
complete $any -n '__nv_session_takes setup' -l hook -d 'as a display manager\'s hook'
complete $any -n '__nv_session_takes setup' -x -l timeout -d 'the time it may take'
complete $any -n '__nv_session_takes renderer' -x -l gpu \
    -a '(nv-run --complete=gpus 2>/dev/null)' -d 'ask this GPU, even if that wakes it'
complete $any -n '__nv_session_takes renderer' -x -l api -a 'egl glx vulkan all' -d 'whom to ask'
complete $any -n '__nv_session_takes xorg-conf' -l write -d 'write the file'
complete $any -n '__nv_session_takes status providers plan renderer hook' -l json \
    -d 'answer as one JSON document'
complete $any -x -l display -a '(string replace -r \'.*/X\' : /tmp/.X11-unix/X*)' -d 'the X server'
complete $any -x -l sysroot -a '(__fish_complete_directories)' -d 'look at a recorded machine'
complete $any -r -F -l config -d 'read this file instead of session.conf'
complete $any -s q -l quiet -d 'no warnings'
complete $any -s v -l verbose -d 'say what is done'
complete $any -l version -d 'print the version'
complete $any -l help -d 'print this help'
