#!/bin/sh
# Branchwatch: makes this machine a branch's box from the kit that lies beside this script, or takes it off again.
#
# It needs no network and may be run again, also with a newer kit: what is there is used as it was until the one rename
# that puts the new release in force. What the shell knows of the kit is what the signed manifest names; everything is
# installed from a copy that was checked, for a stick can change its mind. `sh install.sh --help` tells its options.
# Exit codes: 0 done, 1 it says no, 2 what was typed is wrong.
set -eu

HOME_DIR=/opt/branchwatch
STATE=/var/lib/branchwatch
SETTINGS=/etc/branchwatch
UNITS=/etc/systemd/system
COMMAND=/usr/local/bin/branchwatch
ACCOUNT=branchwatch
AGENT_UNIT=branchwatch-agent.service
MAX_KIT_KIB=524288

say() { # English, Chinese
    if [ "$chinese" = yes ]; then printf '%s\n' "$2"; else printf '%s\n' "$1"; fi
}

usage() {
    say "\
sh install.sh                       check the kit and install; may be run again, also with a newer kit
sh install.sh --check-only          look at the kit, change nothing
sh install.sh --uninstall           take Branchwatch off; keys and events in $STATE stay
sh install.sh --uninstall --purge   take them off too
  --signer FINGERPRINT   refuse a kit that somebody else signed
  --unsigned             go on where openssl is missing and nothing can check the signature
  --yes                  ask nothing" "\
sh install.sh                       检查安装包并安装；可重复运行，也可用于升级
sh install.sh --check-only          只检查安装包，不作改动
sh install.sh --uninstall           卸载 Branchwatch；保留 $STATE 中的密钥和事件
sh install.sh --uninstall --purge   卸载并删除密钥和事件
  --signer 指纹          安装包由他人签署时拒绝安装
  --unsigned             本机没有 openssl、无法检查签名时仍继续
  --yes                  不再询问"
}

refuse() { # exit code, English, Chinese
    told=yes
    code=$1
    shift
    say "$@" >&2
    exit "$code"
}

attended() { # whether somebody sits here who can be asked
    (: < /dev/tty) 2> /dev/null
}

ask() { # English, Chinese: true if the answer is yes
    [ "$yes" = no ] || return 0
    if ! attended; then
        refuse 2 "There is nobody to ask here; say --yes if you mean it." "这里无人可以询问；确认无误请加 --yes。"
    fi
    say "$1 [y/N]" "$2 [y/N]"
    read -r answer < /dev/tty || answer=
    case $answer in [yY] | [yY][eE][sS] | 是) return 0 ;; *) return 1 ;; esac
}

fact() { # name: what kit.txt says of it
    sed -n "s/^$1=\([0-9A-Za-z.:+_-]\{1,64\}\)\$/\1/p" "$kit/kit.txt" | head -n 1
}

digest() { # file: its SHA-256
    sha256sum < "$1" | cut -d ' ' -f 1
}

# --- the kit ---------------------------------------------------------------------------------------------------------

broken() { # English, Chinese: what is wrong with the kit
    refuse 1 "This kit is not whole: $1 Nothing was changed. Next step: have it made or copied anew." \
        "安装包不完整：$2 未作任何改动。下一步：重新制作或重新复制。"
}

check_files() {
    for name in manifest.json manifest.sig.der signer.pem SHA256SUMS root.pem pins.json enrol.json kit.txt requirements.txt; do
        [ -f "$kit/$name" ] || broken "$name is missing." "缺少 $name。"
    done
    if LC_ALL=C grep -qvxE '[0-9a-f]{64}  ([a-z-]+/)?[A-Za-z0-9][A-Za-z0-9._+-]*' "$kit/SHA256SUMS"; then
        broken "SHA256SUMS was changed." "SHA256SUMS 被改动。"
    fi
    odd=$(cd "$kit" && find . ! -type f ! -type d | head -n 1)
    [ -z "$odd" ] || broken "$odd is no plain file." "$odd 不是普通文件。"
    {
        cut -c 67- "$kit/SHA256SUMS"
        printf '%s\n' manifest.json manifest.sig.der signer.pem SHA256SUMS
    } | LC_ALL=C sort > "$work/named"
    (cd "$kit" && find . -type f) | cut -c 3- | LC_ALL=C sort > "$work/there"
    name=$(LC_ALL=C comm -23 "$work/named" "$work/there" | head -n 1)
    [ -z "$name" ] || broken "$name is missing." "缺少 $name。"
    name=$(LC_ALL=C comm -13 "$work/named" "$work/there" | head -n 1)
    [ -z "$name" ] || broken "$name does not belong to it." "$name 不属于安装包。"
    if ! (cd "$kit" && LC_ALL=C sha256sum --check --strict --quiet SHA256SUMS) > "$work/bad" 2>&1; then
        name=$(sed -n 's/: FAILED.*$//p' "$work/bad" | head -n 1)
        broken "${name:-SHA256SUMS} was changed or cannot be read." "${name:-SHA256SUMS} 被改动或无法读取。"
    fi
}

part() { # name: the text that manifest.json carries under it
    sed -n "s/^.*\"$1\":\"\([A-Za-z0-9_-]*\)\".*\$/\1/p" "$kit/manifest.json" | head -n 1
}

decoded() { # base64url without padding, on standard input
    tr '_-' '/+' | awk '{ while (length($0) % 4) $0 = $0 "="; print }' | base64 -d 2> /dev/null
}

check_manifest() { # it has the one shape that we write, and what the signature is over names these very sums
    protected=$(part protected)
    payload=$(part payload)
    chain=$(sed -n 's/^.*"x5c":\["\([A-Za-z0-9+/=]*\)","\([A-Za-z0-9+/=]*\)"\].*$/\1 \2/p' "$kit/manifest.json")
    printf '{"payload":"%s","signatures":[{"protected":"%s","signature":"%s","header":{"x5c":["%s","%s"]}}]}' \
        "$payload" "$protected" "$(part signature)" "${chain% *}" "${chain#* }" > "$work/manifest"
    cmp -s "$work/manifest" "$kit/manifest.json" || broken "manifest.json was changed." "manifest.json 被改动。"
    for each in $chain; do
        echo '-----BEGIN CERTIFICATE-----'
        echo "$each" | fold -w 64
        echo '-----END CERTIFICATE-----'
    done > "$work/signer"
    cmp -s "$work/signer" "$kit/signer.pem" || broken "signer.pem was changed." "signer.pem 被改动。"
    printf '%s' "$protected" | decoded > "$work/header" || broken "manifest.json was changed." "manifest.json 被改动。"
    printf '%s' "$payload" | decoded > "$work/payload" || broken "manifest.json was changed." "manifest.json 被改动。"
    entry="{\"path\":\"SHA256SUMS\",\"bytes\":$(wc -c < "$kit/SHA256SUMS" | tr -d ' '),\"sha256\":\"$(digest "$kit/SHA256SUMS")\"}"
    grep -qF '"typ":"bw-kit"' "$work/header" || broken "manifest.json is no kit's manifest." "manifest.json 不是安装包清单。"
    grep -qF "$entry" "$work/payload" || broken "SHA256SUMS is not that of the manifest." "SHA256SUMS 与清单不符。"
    grep -qF "\"box\":\"$(fact box)\"" "$work/payload" || broken "kit.txt is not that of the manifest." "kit.txt 与清单不符。"
}

certificates_in() {
    grep -c -e '-----BEGIN CERTIFICATE-----' "$1" || true
}

names() { # certificate: its alternative names, one a line
    openssl x509 -in "$1" -noout -ext subjectAltName 2> /dev/null | tr ',' '\n' | tr -d ' '
}

print_of() { # certificate: its SHA-256 fingerprint
    openssl x509 -in "$1" -noout -fingerprint -sha256 | sed 's/^.*=//'
}

check_signature() {
    if ! command -v openssl > /dev/null; then
        say "NOT CHECKED: who signed this kit. There is no openssl here; only damage is found, no forgery." \
            "未检查：安装包由谁签署。本机没有 openssl；只能发现损坏，不能发现伪造。"
        [ "$unsigned" = yes ] || { [ "$yes" = no ] && attended && ask "Go on without it?" "不检查签名，继续吗？"; } \
            || refuse 1 "Nothing was changed. Next step: install openssl; or check the stick at the bank (provision kit --check), then: sh install.sh --unsigned" \
                "未作任何改动。下一步：安装 openssl；或在银行检查 U 盘（provision kit --check），然后：sh install.sh --unsigned"
        return 0
    fi
    if [ "$(certificates_in "$kit/root.pem")" != 1 ] || [ "$(certificates_in "$kit/signer.pem")" != 2 ]; then
        broken "root.pem or signer.pem was changed." "root.pem 或 signer.pem 被改动。"
    fi
    awk '/-----BEGIN/ { n++ } n == 1' "$kit/signer.pem" > "$work/leaf.pem"
    awk '/-----BEGIN/ { n++ } n == 2' "$kit/signer.pem" > "$work/issuer.pem"
    set -- -no-CApath -no-CAstore -CAfile "$kit/root.pem" -untrusted "$work/issuer.pem" "$work/leaf.pem"
    if ! openssl verify "$@" > "$work/said" 2>&1; then
        if openssl verify -no_check_time "$@" > /dev/null 2>&1; then
            refuse 1 "The clock of this machine says $(date -u +%Y-%m-%d), the kit is of $(fact at): outside the time of its signer. Nothing was changed. Next step: set the clock (timedatectl set-time), or have the kit made anew." \
                "本机时钟为 $(date -u +%Y-%m-%d)，安装包制作于 $(fact at)：不在签署人证书有效期内。未作任何改动。下一步：校正时钟（timedatectl set-time），或重新制作安装包。"
        fi
        broken "its signer does not come from its root." "签署人不属于该根证书。"
    fi
    if ! names "$work/leaf.pem" | grep -qxF 'URI:urn:branchwatch:role:provisioning' \
        || ! names "$work/issuer.pem" | grep -qxF 'URI:urn:branchwatch:issuer:provisioning'; then
        broken "its signer may not sign kits." "签署人无权签署安装包。"
    fi
    openssl x509 -in "$work/leaf.pem" -noout -pubkey > "$work/key.pem"
    printf '%s.%s' "$protected" "$payload" > "$work/signed"
    numbers=$(part signature | decoded | od -An -v -tx1 | tr -d ' \n')
    printf 'asn1=SEQUENCE:two\n[two]\nr=INTEGER:0x%.64s\ns=INTEGER:0x%s\n' "$numbers" "${numbers#????????????????????????????????????????????????????????????????}" > "$work/numbers"
    if ! openssl asn1parse -genconf "$work/numbers" -noout -out "$work/der" > /dev/null 2>&1 \
        || ! cmp -s "$work/der" "$kit/manifest.sig.der"; then
        broken "manifest.sig.der was changed." "manifest.sig.der 被改动。"
    fi
    openssl dgst -sha256 -verify "$work/key.pem" -signature "$kit/manifest.sig.der" "$work/signed" > /dev/null 2>&1 \
        || broken "the signature of the manifest does not hold." "清单签名无效。"
    pin=$(openssl pkey -pubin -in "$work/key.pem" -outform DER | sha256sum | cut -d ' ' -f 1)
    grep -qF "\"$pin\"" "$kit/pins.json" || broken "pins.json does not name its signer." "pins.json 未列入签署人。"
    signed_by=$(print_of "$work/leaf.pem")
    if [ -n "$signer" ] && [ "$signer" != "$signed_by" ]; then
        refuse 1 "This kit was signed by $signed_by, not by the one you named. Nothing was changed." \
            "签署人指纹为 $signed_by，与指定的不同。未作任何改动。"
    fi
}

check_kit() {
    [ "$(du -sk "$kit" | cut -f 1)" -le $MAX_KIT_KIB ] || broken "it is far too large." "体积过大。"
    check_files
    check_manifest
    signed_by=
    check_signature
}

tell_kit() {
    say "The kit is whole: box $(fact box) of site $(fact site), Branchwatch $(fact version), made $(fact at)." \
        "安装包完整：防护目标 $(fact site) 的前端主机 $(fact box)，Branchwatch $(fact version)，制作于 $(fact at)。"
    [ -n "$signed_by" ] || return 0
    say "Signed by:  $signed_by" "签署人：$signed_by"
    say "Root:       $(print_of "$kit/root.pem")" "根证书：$(print_of "$kit/root.pem")"
    say "Compare both with what the bank gave you on paper; if one differs, stop here." \
        "请与银行提供的书面指纹逐位核对；有一处不同就停止。"
}

compare_kit() { # whoever sits here compares before anything is changed; --signer compares for him
    [ -n "$signed_by" ] && [ -z "$signer" ] && [ "$yes" = no ] && attended || return 0
    ask "Are both the same as on paper, to the last digit?" "两个指纹都与书面一致，直到最后一位吗？" \
        || refuse 1 "Nothing was changed. Next step: keep the stick, and tell the bank's security officer." \
            "未作任何改动。下一步：保留 U 盘，告知银行安全保卫员。"
}

# --- what this machine must be ---------------------------------------------------------------------------------------

free_kib() { # folder: room on its disk
    place=$1
    while [ ! -d "$place" ]; do place=$(dirname "$place"); done
    df -Pk "$place" | awk 'NR == 2 { print $4 }'
}

check_machine() {
    if [ "$(id -u)" != 0 ]; then
        refuse 2 "This needs root. Nothing was changed. Next step: sudo sh install.sh" \
            "需要 root 权限。未作任何改动。下一步：sudo sh install.sh"
    fi
    [ "$(uname -m)" = "$(fact arch)" ] \
        || refuse 1 "The kit is for $(fact arch), this machine is $(uname -m). Nothing was changed." \
            "安装包用于 $(fact arch)，本机为 $(uname -m)。未作任何改动。"
    command -v python3 > /dev/null \
        || refuse 1 "There is no python3 here. Nothing was changed. Next step: install Debian with its standard tools." \
            "本机没有 python3。未作任何改动。下一步：安装带标准工具的 Debian。"
    python=$(python3 -I -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    [ "$python" = "$(fact python)" ] \
        || refuse 1 "The kit is for Python $(fact python), this machine has $python. Nothing was changed. Next step: have a kit made with --python $python." \
            "安装包用于 Python $(fact python)，本机为 $python。未作任何改动。下一步：用 --python $python 重新制作安装包。"
    for folder in /opt /etc /var/lib /usr/local; do
        [ -w "$folder" ] || refuse 1 "$folder cannot be written. Nothing was changed." "$folder 不可写。未作任何改动。"
    done
    need=$(fact room_kib)
    [ -n "$need" ] || broken "kit.txt was changed." "kit.txt 被改动。"
    room=$(free_kib $HOME_DIR)
    [ "$room" -ge "$need" ] || no_room /opt $((need / 1024 + 1)) $((room / 1024))
    models=$(fact models_kib)
    for folder in $SETTINGS $STATE; do
        [ "$(free_kib "$folder")" -ge $((1024 + ${models:-0})) ] || no_room "$folder" $((1 + ${models:-0} / 1024)) 0
    done
}

no_room() { # folder, MiB needed, MiB there
    refuse 1 "There is no room on the disk of $1: $2 MiB are needed, $3 MiB are free. Nothing was changed." \
        "$1 所在磁盘空间不足：需要 $2 MiB，剩余 $3 MiB。未作任何改动。"
}

check_earlier() { # an enrolled box stays itself: another root or another box is never put over it
    for old in "$SETTINGS/kit/root.pem" "$STATE/identity/root.pem"; do
        [ ! -f "$old" ] || cmp -s "$old" "$kit/root.pem" || refuse 1 \
            "This machine was installed under another root. Nothing was changed. Next step, if that is meant: sh install.sh --uninstall --purge" \
            "本机此前按另一根证书安装。未作任何改动。确需更换时，下一步：sh install.sh --uninstall --purge"
    done
    old=$STATE/identity/box.pem
    [ ! -f "$old" ] || ! command -v openssl > /dev/null || names "$old" | grep -qxF "DNS:$(fact box)" || refuse 1 \
        "This machine is enrolled as another box than $(fact box). Nothing was changed. Next step, if that is meant: sh install.sh --uninstall --purge" \
        "本机已注册为另一前端主机，不是 $(fact box)。未作任何改动。确需更换时，下一步：sh install.sh --uninstall --purge"
}

# --- putting it there ------------------------------------------------------------------------------------------------

put() { # source, target, mode: the target is the old file or the new one, never a part
    {
        mkdir -p "$(dirname "$2")" && cp "$1" "$2.new" && chmod "$3" "$2.new" && mv -fT "$2.new" "$2"
    } 2> "$work/log" || refuse 1 \
        "$2 cannot be written: $(tail -n 1 "$work/log"). Next step: make room, then run this again." \
        "无法写入 $2：$(tail -n 1 "$work/log")。下一步：腾出空间后重新运行。"
}

build_release() {
    release=$HOME_DIR/releases/$(fact version)-$(digest "$kit/requirements.txt" | cut -c 1-8)
    if [ -f "$release/.complete" ] && works; then
        say "Branchwatch $(fact version) is installed already." "Branchwatch $(fact version) 已安装。"
        return 0
    fi
    say "Installing Branchwatch $(fact version), about half a minute." "正在安装 Branchwatch $(fact version)，约需半分钟。"
    rm -rf "$release"
    growing=$release
    mkdir -p "$release"
    python3 -I -m venv --without-pip "$release" > "$work/log" 2>&1 || failed_build
    pip=$(find "$kit/wheels" -name 'pip-*.whl')
    mkdir "$work/tmp"
    env -i PATH="$PATH" HOME="$work" TMPDIR="$work/tmp" LC_ALL=C.UTF-8 PIP_CONFIG_FILE=/dev/null \
        "$release/bin/python" -I "$pip/pip" install --quiet --disable-pip-version-check --no-cache-dir --no-index \
        --no-deps --only-binary=:all: --require-hashes --find-links "$kit/wheels" -r "$kit/requirements.txt" \
        > "$work/log" 2>&1 || failed_build
    works || failed_build
    sync
    : > "$release/.complete"
    growing=
}

works() { # whatever the agent needs is there and of one mind
    "$release/bin/python" -I -c 'import agent.app, agent.condition_seen' > "$work/log" 2>&1
}

failed_build() {
    refuse 1 "The software could not be installed: $(tail -n 1 "$work/log" | cut -c 1-300). What was there is as it was." \
        "软件安装失败：$(tail -n 1 "$work/log" | cut -c 1-300)。原有安装未受影响。"
}

make_account() {
    if getent passwd $ACCOUNT > /dev/null; then
        [ "$(id -u $ACCOUNT)" != 0 ] || refuse 1 "The user $ACCOUNT is root here." "用户 $ACCOUNT 在本机是 root。"
        return 0
    fi
    useradd --system --user-group --no-create-home --home-dir $STATE --shell /usr/sbin/nologin $ACCOUNT \
        2> "$work/log" || refuse 1 "The user $ACCOUNT cannot be made: $(tail -n 1 "$work/log")." \
        "无法创建用户 $ACCOUNT：$(tail -n 1 "$work/log")。"
}

same_command() {
    [ "$(readlink "$COMMAND" 2> /dev/null)" = "$HOME_DIR/bin/branchwatch" ]
}

put_files() {
    for name in root.pem pins.json enrol.json; do put "$kit/$name" "$SETTINGS/kit/$name" 0644; done
    for unit in "$kit"/units/*; do put "$unit" "$UNITS/$(basename "$unit")" 0644; done
    put "$kit/install.sh" "$HOME_DIR/install.sh" 0755
    cat > "$work/command" << 'END'
#!/bin/sh
# Branchwatch on this box. What belongs to the agent runs as its own user, so that nothing in its folder is root's.
program=/opt/branchwatch/current/bin/branchwatch
if [ "${1:-}" = agent ] && [ "$(id -u)" = 0 ]; then
    exec env -u XDG_STATE_HOME HOME=/var/lib/branchwatch \
        setpriv --reuid=branchwatch --regid=branchwatch --init-groups -- "$program" "$@"
fi
exec "$program" "$@"
END
    put "$work/command" "$HOME_DIR/bin/branchwatch" 0755
    if [ -e "$COMMAND" ] && ! same_command; then
        say "$COMMAND is somebody else's and was left alone; ours is $HOME_DIR/bin/branchwatch" \
            "$COMMAND 属于其他软件，未作改动；本软件命令为 $HOME_DIR/bin/branchwatch"
    else
        mkdir -p "$(dirname "$COMMAND")"
        ln -sfn "$HOME_DIR/bin/branchwatch" "$COMMAND"
    fi
    mkdir -p "$STATE"
    chown $ACCOUNT:$ACCOUNT "$STATE"
    chmod 0700 "$STATE"
}

put_models() { # by the agent's own user: nothing in its folder is root's, and nothing there leads root elsewhere
    for model in "$kit"/models/*; do
        [ -f "$model" ] || continue
        setpriv --reuid=$ACCOUNT --regid=$ACCOUNT --init-groups -- sh -c '
            umask 077
            mkdir -p "$1/models" && cat > "$1/models/$2.new" && mv -fT "$1/models/$2.new" "$1/models/$2"
        ' sh "$STATE" "$(basename "$model")" < "$model" 2> "$work/log" || refuse 1 \
            "The people models cannot be written to $STATE/models: $(tail -n 1 "$work/log"). Next step: make room, then run this again." \
            "无法将人形识别模型写入 $STATE/models：$(tail -n 1 "$work/log")。下一步：腾出空间后重新运行。"
    done
}

switch() { # the one rename
    ln -sfn "releases/${release##*/}" "$HOME_DIR/current.new"
    mv -fT "$HOME_DIR/current.new" "$HOME_DIR/current"
    for old in "$HOME_DIR"/releases/*; do
        [ "$old" = "$release" ] || rm -rf "$old"
    done
}

systemd_runs() {
    [ -d /run/systemd/system ] && command -v systemctl > /dev/null
}

units() { # the names of those that are started by themselves
    for unit in "$UNITS"/branchwatch-agent.service "$UNITS"/branchwatch-*.timer; do
        [ ! -f "$unit" ] || basename "$unit"
    done
}

start_units() {
    if ! systemd_runs; then
        say "systemd does not run here: the units lie in $UNITS and start nothing yet." \
            "本机未运行 systemd：单元文件已放入 $UNITS，尚未启用。"
        return 0
    fi
    systemctl daemon-reload
    # shellcheck disable=SC2046 # one word a unit
    systemctl --quiet enable $(units)
    # shellcheck disable=SC2046
    systemctl start $(units | grep '\.timer$')
    systemctl try-restart $AGENT_UNIT \
        || say "The agent did not start again; look at: journalctl -u $AGENT_UNIT" \
            "agent 未能重新启动；请查看：journalctl -u $AGENT_UNIT"
}

tell_end() {
    say "Installed. The box's health:" "安装完成。前端主机状态："
    "$HOME_DIR/bin/branchwatch" agent health --state "$STATE" || true
}

install_kit() {
    check_kit
    tell_kit
    check_machine
    check_earlier
    compare_kit
    [ -e "$HOME_DIR" ] || new=yes
    mkdir -p "$HOME_DIR"
    exec 9> "$HOME_DIR/.lock"
    flock -n 9 || refuse 1 "Another installation is under way here." "本机正在进行另一次安装。"
    rm -rf "$HOME_DIR"/.kit.*
    inside=$(mktemp -d "$HOME_DIR/.kit.XXXXXX")
    cp -RP "$kit/." "$inside/" 2> "$work/log" \
        || refuse 1 "The stick cannot be read to its end: $(tail -n 1 "$work/log"). Nothing was changed." \
            "无法完整读取 U 盘：$(tail -n 1 "$work/log")。未作任何改动。"
    kit=$inside
    check_kit
    build_release
    make_account
    switch
    put_files
    put_models
    start_units
    tell_end
}

# --- taking it off ---------------------------------------------------------------------------------------------------

uninstall() {
    [ "$(id -u)" = 0 ] || refuse 2 "This needs root." "需要 root 权限。"
    if [ "$purge" = yes ]; then
        ask "Take Branchwatch off, WITH its keys and every event that the centre does not have yet?" \
            "卸载 Branchwatch，并删除密钥和尚未上传的全部事件？" || refuse 1 "Nothing was taken off." "未卸载任何内容。"
    else
        ask "Take Branchwatch off this machine? This site will not be guarded." \
            "从本机卸载 Branchwatch？该防护目标将不再受监控。" || refuse 1 "Nothing was taken off." "未卸载任何内容。"
    fi
    if systemd_runs; then
        # shellcheck disable=SC2046
        systemctl --quiet disable --now $(units) || true
    fi
    if [ -e "$STATE/agent.lock" ] && ! flock -n "$STATE/agent.lock" true; then
        refuse 1 "An agent still runs here; stop it first. Nothing was taken off." "agent 仍在运行；请先停止。未卸载任何内容。"
    fi
    rm -f "$UNITS"/branchwatch-agent.service "$UNITS"/branchwatch-renew.service "$UNITS"/branchwatch-renew.timer
    ! systemd_runs || systemctl daemon-reload
    ! same_command || rm -f "$COMMAND"
    rm -rf "$HOME_DIR" "$SETTINGS/kit"
    rmdir "$SETTINGS" 2> /dev/null || true
    if [ "$purge" = yes ]; then
        rm -rf "$STATE"
        ! getent passwd $ACCOUNT > /dev/null || userdel $ACCOUNT
        say "Branchwatch is off this machine, with all that it kept." "Branchwatch 已卸载，数据已全部删除。"
    else
        say "Branchwatch is off this machine. Its keys and events are still in $STATE." \
            "Branchwatch 已卸载。密钥和事件仍保存在 $STATE。"
    fi
}

# --- what was typed --------------------------------------------------------------------------------------------------

# shellcheck disable=SC2317 # called by the trap
leave() { # what is half made goes; a failure that nobody explained is explained
    left=$?
    [ "$left" = 0 ] || [ "$told" = yes ] || say "This step failed; the line above says why. Next step: mend that and run this again." \
        "此步骤失败，原因见上一行。下一步：排除原因后重新运行。" >&2
    [ -z "$growing" ] || rm -rf "$growing"
    [ -z "$inside" ] || rm -rf "$inside"
    [ -z "$work" ] || rm -rf "$work"
    [ "$new" = no ] || [ -e "$HOME_DIR/current" ] || rm -rf "$HOME_DIR"
}

main() {
    PATH=/usr/sbin:/usr/bin:/sbin:/bin
    export PATH
    umask 022
    chinese=no yes=no unsigned=no purge=no told=no todo=install signer='' work='' growing='' inside='' new=no
    case ${LC_ALL:-${LC_MESSAGES:-${LANG:-}}} in zh*) chinese=yes ;; esac
    while [ $# -gt 0 ]; do
        case $1 in
            --check-only) todo=check ;;
            --uninstall) todo=uninstall ;;
            --purge) purge=yes ;;
            --yes) yes=yes ;;
            --unsigned) unsigned=yes ;;
            --signer)
                [ $# -gt 1 ] || refuse 2 "--signer needs a fingerprint." "--signer 后面要写指纹。"
                signer=$(printf '%s' "$2" | tr 'a-f' 'A-F')
                shift
                ;;
            -h | --help)
                usage
                exit 0
                ;;
            *) refuse 2 "$1 is not known here; see: sh install.sh --help" "未知选项 $1；参见：sh install.sh --help" ;;
        esac
        shift
    done
    kit=$(cd "$(dirname "$0")" && pwd)
    if [ $todo = uninstall ]; then
        uninstall
        return
    fi
    trap leave EXIT
    trap 'told=yes; exit 130' INT
    trap 'exit 143' TERM HUP
    work=$(mktemp -d)
    if [ $todo = check ]; then
        check_kit
        tell_kit
        return
    fi
    install_kit
}

main "$@"
exit
