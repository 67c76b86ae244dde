@echo off
rem Where the controller listens, and the token it printed. Edit these two lines; every other script reads them.
set CONTROLLER=192.0.2.10:9495
set TOKEN_FILE=%~dp0token.txt
rem The agent for this Windows: pcsc-bridge-agent.exe of x64 or ia32, beside these scripts.
set AGENT=%~dp0pcsc-bridge-agent.exe
