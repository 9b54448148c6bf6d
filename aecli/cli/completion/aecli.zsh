#compdef aecli
# Completion of aecli in zsh. Installed by `aecli completion zsh --install`.

_aecli() {
    local files line word text
    local -a words_before lines values texts open_values open_texts suffixes

    words_before=("${(@Q)words[2,CURRENT-1]}")
    lines=("${(@f)$("${(Q)words[1]}" __complete "${words_before[@]}" "${(Q)PREFIX}" 2>/dev/null)}")
    files="${lines[1]}"
    for line in "${(@)lines[2,-1]}"; do
        word="${line%%$'\t'*}"
        text="${line#*$'\t'}"
        [[ -n "$text" ]] && text="$word  -- $text" || text="$word"
        if [[ "$word" == *[=:.] ]]; then
            open_values+=("$word")
            open_texts+=("$text")
        else
            values+=("$word")
            texts+=("$text")
        fi
    done
    (( $#values )) && compadd -l -d texts -a values
    (( $#open_values )) && compadd -l -S '' -d open_texts -a open_values

    [[ "$PREFIX" == --*=* ]] && compset -P '*='
    case "$files" in
        files) _files ;;
        folders) _files -/ ;;
        files\ *)
            suffixes=(${=files#files })
            _files -g "*(${(j:|:)suffixes})(-.)"
            ;;
    esac
    return 0
}

if [[ "${funcstack[1]}" == "_aecli" ]]; then
    _aecli "$@"
else
    (( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
    compdef _aecli aecli
fi
