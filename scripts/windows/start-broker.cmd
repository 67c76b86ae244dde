@echo off
rem Elevated: the broker, as SYSTEM in session 0, where lsass is. With the word "here" it runs in this window.
rem The agent does not run as administrator or SYSTEM in a directory that other users may change; nor does this script.
setlocal
call "%~dp0settings.cmd"
if not exist "%AGENT%" (
  echo start-broker: %AGENT% is missing: copy it beside this script.
  exit /b 2
)
"%AGENT%" --version >nul
if errorlevel 1 exit /b 1
if /i "%~1"=="here" (
  "%AGENT%" broker --connect %CONTROLLER% --key-file "%KEYS%\broker.key" --wait 600
  goto end
)
rem The task starts a script and not the agent: a task's command line has no room for long paths.
schtasks /Create /F /TN pcsc-bridge-broker /RU SYSTEM /SC ONCE /ST 00:00 /TR "\"%~f0\" here"
if errorlevel 1 (
  echo start-broker: the task could not be made: run this as administrator.
  exit /b 1
)
schtasks /Run /TN pcsc-bridge-broker
:end
exit /b %ERRORLEVEL%
