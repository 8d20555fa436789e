#!/bin/sh
# Print .env.example with every secret filled in: sh deploy/compose/make-env.sh > .env
set -eu
example=$(dirname "$0")/../../.env.example
while IFS= read -r line; do
    case $line in
        S3_ACCESS_KEY_ID=) echo "${line}GK$(openssl rand -hex 16)" ;;
        S3_SECRET_ACCESS_KEY= | GARAGE_RPC_SECRET=) echo "$line$(openssl rand -hex 32)" ;;
        *_PASSWORD=) echo "$line$(openssl rand -hex 24)" ;;
        *) echo "$line" ;;
    esac
done < "$example"
