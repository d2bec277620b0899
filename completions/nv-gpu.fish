# SPDX-License-Identifier: MIT
# fish completion for nv-gpu. tests/docs compares it with nv-gpu itself.

# The words before the cursor that are no options: the command, and what stands behind it.
function __nv_gpu_words
    set -l tokens (commandline -opc)
    set -e tokens[1]
    # One that waits for its argument is none of them, and a mistake to argparse.
    string match -q -- '-*' $tokens[-1]
    and set -e tokens[-1]
    argparse -i wait= only= sysroot= -- $tokens 2>/dev/null
    set -q argv[1]
    and string match -v -- '-*' $argv
end

# Whether one of these commands is given; or none is, as options may stand before it.
function __nv_gpu_takes
    set -l words (__nv_gpu_words)
    not set -q words[1]
    or contains -- $words[1] $argv
end

# __nv_gpu_at 1 bind unbind: whether there are so many words, and the first is one of those.
function __nv_gpu_at
    set -l words (__nv_gpu_words)
    test (count $words) -eq $argv[1]
    and begin
        test $argv[1] -eq 0
        or contains -- $words[1] $argv[2..-1]
    end
end

# The checks: the complaint about one that is not there lists all that are.
function __nv_gpu_checks
    set -l words (__nv_gpu_words)
    test "$words[1]" = doctor
    and nv-gpu doctor --only='?' 2>&1 | string replace -r '.*; there are ' '' | string split ', '
end

complete -c nv-gpu -f

set -l first -c nv-gpu -n '__nv_gpu_at 0'
complete $first -a list -d 'a line a GPU'
complete $first -a show -d 'everything known of a GPU'
complete $first -a ps -d 'the processes that hold it'
complete $first -a awake -d 'why it is (not) asleep'
complete $first -a bind -d 'move it to another driver'
complete $first -a unbind -d 'take its drivers away'
complete $first -a restore -d 'bring its drivers back'
complete $first -a doctor -d 'what is wrong, and what to do'
complete $first -a record -d 'this machine as text'
complete $first -a replay -d 'unpack a recording for --sysroot'
# Words for a GPU that is there, and slots; for what moves one, slots alone. Asking wakes none.
complete -c nv-gpu -n '__nv_gpu_at 1 show ps awake' \
    -a '(nv-run --complete=gpus 2>/dev/null | string match -rv \'^(auto|software|none)\t\')'
complete -c nv-gpu -n '__nv_gpu_at 1 bind unbind restore' \
    -a '(nv-run --complete=gpus 2>/dev/null | string match -r \'^.*:.*\t.*\')'
complete -c nv-gpu -n '__nv_gpu_at 2 bind' -a 'nvidia nouveau amdgpu radeon i915 xe vfio-pci'
complete -c nv-gpu -n '__nv_gpu_at 1 replay' -F
complete -c nv-gpu -n '__nv_gpu_at 2 replay' -a '(__fish_complete_directories)'

set -l any -c nv-gpu
complete $any -n '__nv_gpu_takes show' -l wake -d 'ask what only a GPU that is awake tells'
complete $any -n '__nv_gpu_takes awake' -l watch -d 'stay, and name what wakes it'
complete $any -n '__nv_gpu_takes bind unbind restore' -l dry-run -d 'say what would be done'
complete $any -n '__nv_gpu_takes bind unbind restore' -x -l wait -d 'how long to wait for it'
complete $any -n '__nv_gpu_takes bind unbind restore doctor' -x -l only \
    -a '(__nv_gpu_checks)' -d 'this function, or this check'
complete $any -n '__nv_gpu_takes bind' -l persist -d 'so that it survives a reboot'
complete $any -n '__nv_gpu_takes doctor' -l fix -d 'do what it advises, with a way back'
complete $any -n '__nv_gpu_takes doctor' -l undo -d 'put back what --fix changed'
complete $any -n '__nv_gpu_takes record' -l anonymous -d 'without serials, UUIDs and names'
complete $any -n '__nv_gpu_takes list show ps awake bind unbind restore doctor' -l json \
    -d 'answer as one JSON document'
complete $any -x -l sysroot -a '(__fish_complete_directories)' -d 'look at a recorded machine'
complete $any -s q -l quiet -d 'no warnings'
complete $any -s v -l verbose -d 'say what is done'
complete $any -l version -d 'print the version'
complete $any -l help -d 'print this help'
