@echo off
rem In a terminal session, by its user: this user's agent, until the controller has done with it.
setlocal
call "%~dp0settings.cmd"
if not exist "%AGENT%" (
  echo start-user: %AGENT% is missing: copy it beside this script.
  exit /b 2
)
rem Ten minutes: as long as the controller waits.
"%AGENT%" user --connect %CONTROLLER% --key-file "%KEYS%\%USERNAME%.key" --wait 600
exit /b %ERRORLEVEL%
