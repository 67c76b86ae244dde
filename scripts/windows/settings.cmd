@echo off
rem Where the controller listens. Edit this line; every other script reads it.
set CONTROLLER=192.0.2.10:9495
rem The keys that the controller made: broker.key, and NAME.key for each Windows user. protect-keys.cmd guards them.
set KEYS=%~dp0keys
rem The agent for this Windows: pcsc-bridge-agent.exe of x64 or ia32, beside these scripts.
set AGENT=%~dp0pcsc-bridge-agent.exe
