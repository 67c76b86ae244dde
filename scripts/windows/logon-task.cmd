@echo off
rem Elevated. on: every user's agent starts at their logon, in their session. off: no more, and the broker's task goes.
setlocal
if /i "%~1"=="on" goto on
if /i "%~1"=="off" goto off
echo usage: logon-task.cmd on^|off
exit /b 2
:on
schtasks /Create /F /TN pcsc-bridge-user /RU "BUILTIN\Users" /SC ONLOGON /TR "\"%~dp0start-user.cmd\""
if errorlevel 1 echo logon-task: the task could not be made: run this as administrator.
exit /b %ERRORLEVEL%
:off
schtasks /Delete /F /TN pcsc-bridge-user
schtasks /Query /TN pcsc-bridge-broker >nul 2>&1
if not errorlevel 1 schtasks /Delete /F /TN pcsc-bridge-broker
exit /b 0
