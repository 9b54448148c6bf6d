# Completion of aecli in fish. Installed by `aecli completion fish --install`.

function __aecli_complete
    set -l before (commandline -opc)
    set -l current (commandline -ct)
    set -l lines ($before[1] __complete $before[2..-1] "$current" 2>/dev/null)
    set -l files (string split ' ' -- $lines[1])
    for line in $lines[2..-1]
        echo $line
    end
    test "$files[1]" = none; and return
    set -l prefix (string match -r -- '^--[^=]*=' $current)
    set -l path (string replace -r -- '^--[^=]*=' '' $current)
    for file in (__fish_complete_path $path)
        set -l name (string split -f 1 \t -- $file)
        if string match -q '*/' -- $name
            echo "$prefix$name"
        else if test "$files[1]" = files
            if test (count $files) -eq 1
                echo "$prefix$name"
                continue
            end
            for suffix in $files[2..-1]
                string match -q "*$suffix" -- $name; and echo "$prefix$name"
            end
        end
    end
end

complete --command aecli --no-files --arguments '(__aecli_complete)'
