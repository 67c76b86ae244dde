@echo off
rem In a terminal session, by its user: this user's agent, until the controller has done with it.
setlocal
call "%~dp0settings.cmd"
if not exist "%AGENT%" (
  echo start-user: %AGENT% is missing: copy it beside this script.
  exit /b 2
)
if not exist "%TOKEN_FILE%" (
  echo start-user: %TOKEN_FILE% is missing: put the controller's token into it.
  exit /b 2
)
"%AGENT%" user --connect %CONTROLLER% --token-file "%TOKEN_FILE%" --name %USERNAME%
exit /b %ERRORLEVEL%
