# pktmod.bash - completion for bash; zsh reads it after: autoload -U bashcompinit && bashcompinit
_pktmod()
{
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
    local command=${COMP_WORDS[1]} words=''
    COMPREPLY=()
    if ((COMP_CWORD == 1)); then
        words='replay check fmt schema test diff create verify explain flow shrink run ctl pipe help --help --version'
    else
        case $command:$before in
        help:*) words='replay check fmt schema test diff create verify explain flow shrink run ctl pipe' ;;
        replay:--view | diff:--view | explain:--view) words='rewritten wire host' ;;
        replay:--checksums | diff:--checksums | explain:--checksums | verify:--checksums | create:--checksums) words='auto verify ignore' ;;
        check:--platform) words='macos linux replay' ;;
        check:--explain) words=$("${COMP_WORDS[0]}" check --list-codes 2>/dev/null | cut -c1-6) ;;
        test:--format) words='text tap junit' ;;
        *:--format) words='text json' ;;
        run:--filter) words='nfqueue:' ;;
        run:--hook) words='input output forward' ;;
        run:--interface | run:-i | run:--inside | run:--queue-length | run:--seed) return ;;
        run:--control-group | run:--community-seed | ctl:--limit) return ;;
        ctl:ctl) words='status stats flows reload events answer stop' ;;
        ctl:--for) words='flow rule' ;;
        replay:--local | replay:--mtu | replay:--seed | replay:--community-seed) return ;;
        diff:--local | diff:--mtu | diff:--seed) return ;;
        create:--local | create:--mtu | create:--seed | create:--shows | create:--views) return ;;
        test:-k | test:--only | test:-j | test:--jobs | test:--timeout) return ;;
        test:--max-differences) return ;;
        run:--mode) words='reflect forward' ;;
        run:--tunnel) words='tun tun:' ;;
        run:--to | run:--mtu | run:--seed) return ;;
        verify:--mtu | verify:--max-findings) return ;;
        explain:--frame | explain:-f | explain:--packet | explain:--rule) return ;;
        explain:--local | explain:--mtu | explain:--seed) return ;;
        *)
            case $command:$word in
            replay:-*)
                words='--read --write --answers --dropped --events --report --community-seed --view --local --mtu --checksums --seed --external-wait --format --quiet --help'
                ;;
            test:-*)
                words='-k --only --jobs --timeout --update --format --max-differences --list --verbose --help'
                ;;
            diff:-*)
                words='--read --all --quiet --format --answers --view --local --mtu --checksums --seed --help'
                ;;
            create:-*)
                words='--read --shows --copy-rules --views --local --mtu --checksums --seed --help'
                ;;
            check:-*) words='--platform --strict --no-lint --format --explain --list-codes --help' ;;
            fmt:-*) words='--check --help' ;;
            schema:-*) words='--help' ;;
            verify:-*)
                words='--baseline --mtu --checksums --open-loop --any-headers --strict --max-findings --format --quiet --help'
                ;;
            explain:-*)
                words='--read --frame --packet --rule --all --answers --view --local --mtu --checksums --seed --format --help'
                ;;
            flow:-*) words='--write --help' ;;
            shrink:-*) words='--read --write --tries --timeout --help' ;;
            run:-*)
                words='--filter --tunnel --mode --to --plan --mtu --plain --memory --install --uninstall --firewall --hook --interface --inside --bypass --offload --queue-length --control --control-group --events --community-seed --run-dir --seed --quiet --help'
                ;;
            ctl:-*) words='--control --json --prometheus --follow --for --limit --help' ;;
            pipe:-*) words='--help' ;;
            esac
            ;;
        esac
    fi
    if [ -n "$words" ]; then
        # shellcheck disable=SC2207 # none of the words has a space
        COMPREPLY=($(compgen -W "$words" -- "$word"))
    else
        compopt -o filenames 2>/dev/null
        local file
        while IFS= read -r file; do
            COMPREPLY+=("$file")
        done < <(compgen -f -- "$word")
    fi
}
complete -F _pktmod pktmod
