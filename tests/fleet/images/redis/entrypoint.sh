set -e
if [ "$(id -u)" = 0 ]; then
    chown -R redis /data
    exec gosu redis "$@" --protected-mode no
fi
exec "$@" --protected-mode no
