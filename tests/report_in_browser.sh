#!/bin/sh
# Opens each report in headless Chromium, light and dark, and fails unless it is small, fetches nothing, logs nothing to the
# console and paints something: tests/report_in_browser.sh REPORT.html…
# AXE names the script axe.min.js of axe-core; with it, each report must also have no fault of accessibility that is serious.
# CHROMIUM names the browser; where there is none, says so and exits 77, which test runners take for "skipped".
set -eu

most_bytes=500000

browser=${CHROMIUM:-}
for candidate in chromium chromium-browser google-chrome chrome; do
    [ -n "$browser" ] || browser=$(command -v "$candidate" || true)
done
if [ -z "$browser" ]; then
    echo "skipped: no Chromium found; install chromium, or set CHROMIUM" >&2
    exit 77
fi
[ $# -gt 0 ] || { echo "usage: $0 REPORT.html…" >&2; exit 2; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

# open NAME SCHEME FILE: SCHEME is 0 for dark, 1 for light.
open() {
    "$browser" --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-extensions \
        --disable-background-networking --disable-component-update --disable-sync --disable-default-apps --host-resolver-rules='MAP * ~NOTFOUND' \
        --user-data-dir="$work/profile" --hide-scrollbars --window-size=1280,1600 \
        --blink-settings=preferredColorScheme="$2" --log-net-log="$work/$1.net.json" \
        --enable-logging=stderr --v=0 --screenshot="$work/$1.png" "file://$3" >"$work/$1.out" 2>"$work/$1.err" ||
        fail "$3: the browser gave up: $(tail -1 "$work/$1.err")"
    [ -s "$work/$1.png" ] || fail "$3: no picture was made"
    if grep 'CONSOLE' "$work/$1.err" >&2; then fail "$3: the console is not empty"; fi
    # What the page asked for, told from the browser's own calls by who began it; no name is ever resolved.
    if grep -o '"initiator":"[^"]*"[^}]*"url":"\(https\?\|wss\?\|ftp\)://[^"]*"' "$work/$1.net.json" |
        grep -v '"initiator":"not an origin"' | grep -v '"initiator":"chrome' >"$work/urls"; then
        sort -u "$work/urls" >&2
        fail "$3: the network was asked for these"
    fi
}

# accessible FILE: axe-core looks at a copy of the page that allows scripts.
accessible() {
    {
        grep -v 'http-equiv="Content-Security-Policy"' "$1"
        printf '<script>'
        cat "$AXE"
        printf '</script><script>%s</script>' "axe.run({resultTypes: ['violations']}).then(({violations}) => {
            const bad = violations.filter(({impact}) => impact === 'serious' || impact === 'critical');
            const shown = ({id, nodes}) => id + ' (' + nodes.length + '): ' + nodes[0].target;
            document.documentElement.setAttribute('data-axe', bad.map(shown).join('; ').replace(/[\"<>]/g, \"'\") || 'none');
        })"
    } >"$work/axe.html"
    "$browser" --headless --no-sandbox --disable-gpu --no-first-run --disable-extensions --host-resolver-rules='MAP * ~NOTFOUND' \
        --user-data-dir="$work/profile" --window-size=400,1600 --virtual-time-budget=60000 --dump-dom "file://$work/axe.html" \
        >"$work/axe.out" 2>"$work/axe.err" || fail "$1: the browser gave up: $(tail -1 "$work/axe.err")"
    found=$(grep -o 'data-axe="[^"]*"' "$work/axe.out" | head -1)
    [ "$found" = 'data-axe="none"' ] || fail "$1: accessibility: ${found:-axe-core did not run}"
}

printf '<!doctype html><meta name="color-scheme" content="light dark"><body>' >"$work/empty.html"
for report in "$@"; do
    [ -f "$report" ] || fail "$report: no such file"
    path=$(cd "$(dirname "$report")" && pwd)/$(basename "$report")
    bytes=$(wc -c <"$path")
    [ "$bytes" -lt "$most_bytes" ] || fail "$report has $bytes bytes, $most_bytes is the limit"
    if grep -qi '<script' "$path"; then fail "$report holds a script"; fi
    for scheme in 1 0; do
        open blank "$scheme" "$work/empty.html"
        open page "$scheme" "$path"
        # A page that paints nothing makes a picture about as small as an empty one's.
        blank=$(wc -c <"$work/blank.png")
        painted=$(wc -c <"$work/page.png")
        [ "$painted" -gt $((blank * 4)) ] || fail "$report paints nothing (scheme $scheme)"
        cp "$work/page.png" "$work/page-$scheme.png"
    done
    [ -z "${AXE:-}" ] || accessible "$path"
    if cmp -s "$work/page-0.png" "$work/page-1.png"; then fail "$report looks the same in light and dark"; fi
    echo "ok: $report ($bytes bytes, light and dark, nothing fetched, console empty)"
done
